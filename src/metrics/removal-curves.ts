import { z } from "zod";
import { ParameterError } from "../errors.ts";
import { tensor } from "../tensor/tensor.ts";
import { scoreMasks, scoreRankWindows, type RankWindow } from "./composite.ts";
import type { Curve, MetricContext } from "./define-metric.ts";
import { orderDescending, ranks, tieFraction } from "./rank.ts";
import { substrate, type SubstrateKind } from "./substrate.ts";

/** Parameters that deletion, insertion and over-all share. */
export const removalParams = z.strictObject({
  protocol: z
    .enum(["paper", "groupcam", "rise", "black", "igos"])
    .default("paper")
    .describe("which published protocol: sets what replaces removed pixels, and the step"),
  pixelsPerStep: z
    .int()
    .min(1)
    .optional()
    .describe(
      "pixels a step; default 1792 of 224 x 224 (28 steps), 448 for groupcam, the same share at other sizes",
    ),
  score: z
    .enum(["probability", "logit", "log-probability"])
    .default("probability")
    .describe("what the curve shows; the paper takes the probability"),
  ties: z
    .enum(["index", "reverse-index", "random"])
    .default("index")
    .describe("which of equally salient pixels goes first; optimised masks have large plateaus"),
  steps: z
    .enum(["true-fraction", "equal"])
    .default("true-fraction")
    .describe(
      "whether a shorter last step counts as what it is, or as a whole step as in the reference code",
    ),
});

export type RemovalParams = z.output<typeof removalParams>;
export type RemovalKind = "deletion" | "insertion";

export interface RemovalCurve {
  /** `x`: share of pixels removed (deletion) or shown (insertion), 0..1; `y`: score. */
  readonly curve: Curve;
  /** Trapezoid over the true fractions or equal steps. */
  readonly area: number;
  /** Share of pixels whose saliency another pixel has too. */
  readonly tieFraction: number;
  readonly stepCount: number;
}

const substrates: Readonly<Record<RemovalParams["protocol"], Readonly<Record<RemovalKind, SubstrateKind>>>> =
  {
    paper: { deletion: "blur", insertion: "blur" },
    groupcam: { deletion: "mean", insertion: "blur" },
    rise: { deletion: "mean", insertion: "rise-blur" },
    black: { deletion: "black", insertion: "blur" },
    igos: { deletion: "blur", insertion: "blur" },
  };

/**
 * The deletion or insertion curve of a map. Every curve costs n - 1 forward passes; its two end points
 * are the scores of the photograph and of the substrate, which all maps of the image share.
 */
export function removalCurve(
  context: MetricContext<RemovalParams>,
  kind: RemovalKind,
): Promise<RemovalCurve> {
  return context.mapMemo(`removal/${kind}/${JSON.stringify(context.params)}`, () =>
    context.params.protocol === "igos" ? cellCurve(context, kind) : pixelCurve(context, kind),
  );
}

async function pixelCurve(context: MetricContext<RemovalParams>, kind: RemovalKind): Promise<RemovalCurve> {
  const { map, params } = context;
  const pixelCount = map.width * map.height;
  const order = pixelOrder(context);
  const counts = stepCounts(pixelCount, params.pixelsPerStep ?? defaultStep(params.protocol, pixelCount));
  const inner = counts
    .slice(1, -1)
    .map((count): RankWindow =>
      kind === "deletion" ? { from: count, to: pixelCount } : { from: 0, to: count },
    );
  const [whole, empty] = await endPoints(context, kind);
  const request = { ...compositeRequest(context, kind), rank: order.rank };
  const scores = inner.length === 0 ? [] : [...(await scoreRankWindows(request, inner))];
  const y = kind === "deletion" ? [whole, ...scores, empty] : [empty, ...scores, whole];
  return finish(
    counts.map((count) => count / pixelCount),
    y,
    params.steps,
    order.tieFraction,
  );
}

/** The protocol of the I-GOS code: cells of the optimised mask are removed, not pixels. */
async function cellCurve(context: MetricContext<RemovalParams>, kind: RemovalKind): Promise<RemovalCurve> {
  const { map, params } = context;
  const grid = map.native;
  if (grid === undefined) {
    throw new ParameterError(
      "protocol: 'igos' removes cells of a small mask, but this map has none. Use protocol 'paper'.",
    );
  }
  const cellCount = grid.width * grid.height;
  const order = orderDescending(grid.values, params.ties, context.random("ties"));
  const counts = stepCounts(cellCount, params.pixelsPerStep ?? Math.max(1, Math.floor(cellCount / 50)));
  const inner = counts.slice(1, -1);
  const masks = new Float32Array(inner.length * cellCount);
  inner.forEach((count, step) => {
    order.forEach((cell, position) => {
      masks[step * cellCount + cell] = position < count === (kind === "insertion") ? 1 : 0;
    });
  });
  const [whole, empty] = await endPoints(context, kind);
  const stack = tensor(masks, [inner.length, 1, grid.height, grid.width]);
  const request = { ...compositeRequest(context, kind), upsampling: "align-corners" as const };
  const scores = inner.length === 0 ? [] : [...(await scoreMasks(request, stack))];
  const y = kind === "deletion" ? [whole, ...scores, empty] : [empty, ...scores, whole];
  const ties = tieFraction(grid.values, order);
  return finish(
    counts.map((count) => count / cellCount),
    y,
    params.steps,
    ties,
  );
}

function pixelOrder(context: MetricContext<RemovalParams>): {
  readonly rank: Float32Array;
  readonly tieFraction: number;
} {
  const { map, params } = context;
  return context.mapMemo(`order/${params.ties}`, () => {
    const order = orderDescending(map.values, params.ties, context.random("ties"));
    return { rank: ranks(order), tieFraction: tieFraction(map.values, order) };
  });
}

function compositeRequest(context: MetricContext<RemovalParams>, kind: RemovalKind) {
  const { model, input, target, params, signal } = context;
  const name = substrates[params.protocol][kind];
  const image = context.imageMemo(`substrate/${name}`, () => substrate(name, model, input));
  return { model, image: input, substrate: image, target, score: params.score, signal };
}

/** Scores of the photograph and of the substrate. */
function endPoints(
  context: MetricContext<RemovalParams>,
  kind: RemovalKind,
): Promise<readonly [number, number]> {
  const { model, target, params } = context;
  const key = `ends/${substrates[params.protocol][kind]}/${params.score}/${target.index}/${target.minus ?? ""}`;
  return context.imageMemo(key, async () => {
    const request = {
      ...compositeRequest(context, kind),
      rank: new Float32Array(model.height * model.width),
    };
    const [whole = NaN, empty = NaN] = await scoreRankWindows(request, [
      { from: 0, to: 1 },
      { from: 0, to: 0 },
    ]);
    return [whole, empty] as const;
  });
}

/** 28 or 112 steps at every input size. */
function defaultStep(protocol: RemovalParams["protocol"], pixelCount: number): number {
  const share = (protocol === "groupcam" ? 448 : 1792) / (224 * 224);
  return Math.max(1, Math.round(share * pixelCount));
}

/** 0, N, 2N, ..., all. */
function stepCounts(total: number, step: number): readonly number[] {
  const stepCount = Math.ceil(total / step);
  return Array.from({ length: stepCount + 1 }, (_, index) => Math.min(index * step, total));
}

function finish(
  x: readonly number[],
  y: readonly number[],
  steps: RemovalParams["steps"],
  tieFraction: number,
): RemovalCurve {
  const stepCount = x.length - 1;
  const at = steps === "equal" ? x.map((_, index) => index / stepCount) : x;
  return { curve: { x: at, y }, area: trapezoid(at, y), tieFraction, stepCount };
}

/** The area under straight lines between points with ascending `x`. */
export function trapezoid(x: readonly number[], y: readonly number[]): number {
  let area = 0;
  for (let index = 1; index < x.length; index++) {
    area += (((y[index] ?? 0) + (y[index - 1] ?? 0)) / 2) * ((x[index] ?? 0) - (x[index - 1] ?? 0));
  }
  return area;
}
