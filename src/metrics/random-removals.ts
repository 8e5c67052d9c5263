import { z } from "zod";
import { tensor } from "../tensor/tensor.ts";
import { scoreMasks } from "./composite.ts";
import type { MetricContext } from "./define-metric.ts";
import { substrate } from "./substrate.ts";

/** Parameters that sensitivity-n and infidelity share. */
export const randomRemovalParams = z.strictObject({
  cells: z
    .int()
    .min(2)
    .default(14)
    .describe(
      "the image is divided into cells x cells squares, removed whole: single pixels hardly move a deep network",
    ),
  samples: z.int().min(2).default(50).describe("random subsets of cells for each fraction"),
  fractions: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .default([0.1, 0.3, 0.5, 0.7, 0.9])
    .describe("shares of the cells that are removed"),
  fill: z.enum(["mean", "black", "blur"]).default("mean").describe("what replaces removed cells"),
  score: z
    .enum(["logit", "probability", "log-probability"])
    .default("logit")
    .describe("what the drop is measured in"),
});

/** Subsets of one size: what the map says they are worth, and what removing them did. */
export interface RandomRemovals {
  readonly fraction: number;
  /** Sum of the map over the removed cells. */
  readonly attributions: Float64Array;
  /** Score of the photograph minus score without the cells. */
  readonly drops: Float64Array;
}

/**
 * Removes random subsets of cells. The subsets and their drops depend on the image only, so all maps of an image share
 * the forward passes.
 */
export async function randomRemovals(
  context: MetricContext<z.output<typeof randomRemovalParams>>,
): Promise<readonly RandomRemovals[]> {
  const { params, map } = context;
  const worth = cellSums(map.values, map.width, map.height, params.cells);
  const results: RandomRemovals[] = [];
  for (const fraction of params.fractions) {
    const { removed, drops } = await removals(context, fraction);
    const attributions = Float64Array.from(removed, (cells) =>
      cells.reduce((sum, cell) => sum + (worth[cell] ?? 0), 0),
    );
    results.push({ fraction, attributions, drops });
  }
  return results;
}

function removals(context: MetricContext<z.output<typeof randomRemovalParams>>, fraction: number) {
  const { model, input, target, params, signal } = context;
  const { fractions: _, ...rest } = params;
  const key = `removals/${fraction}/${target.index}/${target.minus ?? ""}/${JSON.stringify(rest)}`;
  return context.imageMemo(key, async () => {
    const cellCount = params.cells ** 2;
    const removed = Array.from({ length: params.samples }, (_, sample) =>
      subset(
        cellCount,
        Math.max(1, Math.round(fraction * cellCount)),
        context.random("removals", String(fraction), sample),
      ),
    );
    // One more mask that keeps everything gives the score of the photograph.
    const masks = new Float32Array((params.samples + 1) * cellCount).fill(1);
    removed.forEach((cells, sample) => cells.forEach((cell) => (masks[sample * cellCount + cell] = 0)));
    const scores = await scoreMasks(
      {
        model,
        image: input,
        substrate: context.imageMemo(`substrate/${params.fill}`, () => substrate(params.fill, model, input)),
        target,
        score: params.score,
        signal,
        upsampling: "nearest",
      },
      tensor(masks, [params.samples + 1, 1, params.cells, params.cells]),
    );
    const whole = scores[params.samples] ?? NaN;
    return { removed, drops: scores.subarray(0, params.samples).map((score) => whole - score) };
  });
}

function subset(total: number, count: number, random: { integer(bound: number): number }): readonly number[] {
  const items = Array.from({ length: total }, (_, index) => index);
  for (let index = 0; index < count; index++) {
    const other = index + random.integer(total - index);
    [items[index], items[other]] = [items[other] ?? 0, items[index] ?? 0];
  }
  return items.slice(0, count);
}

/** Sums of a map over square cells; pixel `y` belongs to cell row `floor(y cells / height)`, as nearest upsampling shows it. */
function cellSums(values: Float32Array, width: number, height: number, cells: number): Float64Array {
  const sums = new Float64Array(cells * cells);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = Math.floor((y * cells) / height) * cells + Math.floor((x * cells) / width);
      sums[cell] = (sums[cell] ?? 0) + (values[y * width + x] ?? 0);
    }
  }
  return sums;
}
