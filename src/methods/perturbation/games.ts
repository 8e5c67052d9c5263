import type { MaskedImages, MaskedNetwork, MaskedSample } from "./masked-network.ts";
import { withValues, type Mask } from "./mask.ts";

/** iGOS++ learns a deletion and an insertion mask, iGOS+ one mask for both games. */
export const gameVariants = ["two-masks", "one-mask"] as const;
export type GameVariant = (typeof gameVariants)[number];

/** The masks (by index) that a game multiplies, and whether it deletes (+1) or inserts (-1). */
export interface Game {
  readonly masks: readonly number[];
  readonly sign: 1 | -1;
}

/** D N deleted, D N inserted, D alone deleted, N alone inserted; for one mask: deleted and inserted. */
export const games: Readonly<Record<GameVariant, readonly Game[]>> = {
  "two-masks": [
    { masks: [0, 1], sign: 1 },
    { masks: [0, 1], sign: -1 },
    { masks: [0], sign: 1 },
    { masks: [1], sign: -1 },
  ],
  "one-mask": [
    { masks: [0], sign: 1 },
    { masks: [0], sign: -1 },
  ],
};

/** All masks are always fed; those that a game leaves out are ones. Insertion swaps the images. */
export function gameSample(game: Game, masks: readonly Mask[]): MaskedSample {
  return {
    masks: masks.map((mask, index) =>
      game.masks.includes(index) ? mask : withValues(mask, new Float64Array(mask.values.length).fill(1)),
    ),
    isInverted: game.sign < 0,
  };
}

/** Sum over the games of sign * p, without paths and noise, for each candidate. */
export async function gameScores(
  network: MaskedNetwork,
  candidates: readonly (readonly Mask[])[],
  images: MaskedImages,
  variant: GameVariant,
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const played = games[variant];
  const samples = candidates.flatMap((masks) => played.map((game) => gameSample(game, masks)));
  const scores = await network.scores(samples, images, signal);
  return candidates.map((_, candidate) =>
    played.reduce((sum, game, index) => sum + game.sign * scores[candidate * played.length + index]!, 0),
  );
}
