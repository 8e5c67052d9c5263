import type { GraphBuilder } from "../graph/graph-builder.ts";
import type { Model, Program, ScoreKind, Target } from "../runtime/model.ts";
import { tensor, type Tensor } from "../tensor/tensor.ts";

/** What all composites of one map have in common. */
interface CompositeRequest {
  readonly model: Model;
  /** `[1, C, H, W]`, shown where the mask keeps. */
  readonly image: Tensor;
  /** `[1, C, H, W]`, shown elsewhere. */
  readonly substrate: Tensor;
  readonly target: Target;
  readonly score: ScoreKind;
  readonly signal?: AbortSignal | undefined;
}

/** Pixels with a rank from `from` up to but not including `to` show the image. */
export interface RankWindow {
  readonly from: number;
  readonly to: number;
}

/**
 * Scores of composites of two images in which a window of a pixel order shows the first. The order goes in once, as
 * an image of ranks, and each sample is two numbers: the graph compares and selects, and nothing of image size is
 * built or copied in JavaScript.
 */
export async function scoreRankWindows(
  request: CompositeRequest & { readonly rank: Float32Array },
  windows: readonly RankWindow[],
): Promise<Float64Array> {
  const { model, image, substrate, target, score, signal } = request;
  const bounds = (pick: (window: RankWindow) => number): Tensor =>
    tensor(windows.map(pick), [windows.length, 1, 1, 1]);
  const result = await model.run(
    rankWindowProgram(model),
    {
      batched: { window_from: bounds((window) => window.from), window_to: bounds((window) => window.to) },
      shared: {
        composite_image: image,
        composite_substrate: substrate,
        composite_rank: tensor(request.rank, [1, 1, model.height, model.width]),
      },
    },
    { target, score, signal },
  );
  return result.scores;
}

/**
 * Scores of `mask * image + (1 - mask) * substrate` for a stack of masks `[n, 1, h, w]` of any size, which the graph
 * brings to the size of the input.
 */
export async function scoreMasks(
  request: CompositeRequest & { readonly upsampling: MaskUpsampling },
  masks: Tensor,
): Promise<Float64Array> {
  const { model, image, substrate, target, score, signal, upsampling } = request;
  const result = await model.run(
    maskProgram(model, masks.dims[2] ?? 1, masks.dims[3] ?? 1, upsampling),
    {
      batched: { composite_mask: masks },
      shared: { composite_image: image, composite_substrate: substrate },
    },
    { target, score, signal },
  );
  return result.scores;
}

/** How a small mask becomes one of image size: smooth, or every cell a flat rectangle. */
export type MaskUpsampling = "half-pixel" | "align-corners" | "nearest";

function rankWindowProgram(model: Model): Program {
  return {
    key: "metrics/rank-window",
    prologue(g) {
      const { image, substrate } = declareImages(g, model);
      const rank = g.input("composite_rank", [1, 1, model.height, model.width]);
      const from = g.input("window_from", ["batch", 1, 1, 1]);
      const to = g.input("window_to", ["batch", 1, 1, 1]);
      const before = g.less(rank, from);
      const keep = g.node("And", [g.less(rank, to), g.unary("Not", before)]);
      return g.where(keep, image, substrate);
    },
    outputs: [],
  };
}

function maskProgram(model: Model, height: number, width: number, upsampling: MaskUpsampling): Program {
  return {
    key: `metrics/mask/${height}x${width}/${upsampling}`,
    prologue(g) {
      const { image, substrate } = declareImages(g, model);
      const mask = upsample(g, g.input("composite_mask", ["batch", 1, height, width]), model, upsampling);
      return g.add(substrate, g.mul(mask, g.sub(image, substrate)));
    },
    outputs: [],
  };
}

function declareImages(
  g: GraphBuilder,
  model: Model,
): { readonly image: string; readonly substrate: string } {
  const dims = [1, model.channels, model.height, model.width];
  return { image: g.input("composite_image", dims), substrate: g.input("composite_substrate", dims) };
}

function upsample(g: GraphBuilder, mask: string, model: Model, upsampling: MaskUpsampling): string {
  const [height, width] = [g.size(mask, 2), g.size(mask, 3)];
  if (height === model.height && width === model.width) return mask;
  const scales = g.floats([1, 1, model.height / height, model.width / width], [4]);
  if (upsampling === "nearest") {
    return g.node("Resize", [mask, "", scales], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
  }
  return g.node("Resize", [mask, "", scales], {
    mode: "linear",
    coordinate_transformation_mode: upsampling === "half-pixel" ? "half_pixel" : "align_corners",
  });
}
