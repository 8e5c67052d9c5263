import { z } from "zod";
import { assert } from "../../errors.ts";
import { extentOf, placeCount, type Extent } from "../../image/extent.ts";
import { minMax } from "../../image/min-max.ts";
import type { Grid, SaliencyMap } from "../../image/saliency-map.ts";
import { upsampleLinear } from "../../image/upsample.ts";
import { imageDims, type Layer, type ScoreKind } from "../../runtime/model.ts";
import type { Method, MethodCost } from "../define-method.ts";
import { chosenLayers, layerParams, type LayerChoice } from "./cam-layer.ts";
import type { CamMap, LayerValues } from "./cam-rule.ts";
import { degenerateCam } from "./degenerate-cam.ts";

/** Parameters of every method that differentiates a score with respect to a layer. */
export const gradientCamParams = {
  ...layerParams,
  score: z
    .enum(["logit", "probability", "log-probability"])
    .default("logit")
    .describe("what is differentiated; the logit, because gradients of a saturated probability vanish"),
} as const;

/** What distinguishes one gradient-based class activation method from another. */
export interface CamDefinition<Shape extends z.ZodRawShape> extends Pick<
  Method,
  "name" | "title" | "paper" | "summary"
> {
  /** Parameters besides layer, tap and score. */
  readonly params: Shape;
  /** The signed map of a layer, from its activations and gradients. */
  map(layer: LayerValues, params: z.output<z.ZodObject<Shape>>): CamMap;
  /** Applied to the rectified map of each layer before several are fused. */
  rescale?(map: Float64Array, params: z.output<z.ZodObject<Shape>>): Float64Array;
}

type CamSchema<Shape extends z.ZodRawShape> = z.ZodObject<typeof gradientCamParams & Shape, z.core.$strict>;

/**
 * A method that makes a map of a layer from its activations A and gradients G = d score / d A, one forward and backward
 * pass: the signed map S (`native`), then ReLU, then bilinear upsampling (halfPixel; over a volume trilinear) to the size of the image. No min-max:
 * that is the viewer's business. An empty map is a legitimate result and says why in `degenerate`.
 */
export function camMethod<Shape extends z.ZodRawShape>(
  definition: CamDefinition<Shape>,
): Method<CamSchema<Shape>> {
  const { name, title, paper, summary } = definition;
  return {
    name,
    title,
    paper,
    summary,
    family: "activation",
    needs: "gradients",
    explainsVolumes: true,
    // A spread of a generic shape has no type of its own.
    params: z.strictObject({ ...gradientCamParams, ...definition.params }) as CamSchema<Shape>,
    cost: (): MethodCost => ({ f: 0, fb: 1 }),
    async explain({ model, input, target, params, signal }) {
      const choice = params as LayerChoice & { readonly score: ScoreKind };
      const own = params as z.output<z.ZodObject<Shape>>;
      const layers = chosenLayers(model, choice);
      const result = await model.gradient(input, {
        target,
        score: choice.score,
        input: false,
        layers: layers.map((layer) => layer.name),
        signal,
      });
      const maps = layers.map((layer, index) => {
        const values = layerValues(layer, result.activations[index], result.layerGradients[index]);
        return layerMap(layer, { ...values, score: choice.score }, definition.map(values, own));
      });
      return camSaliency(model, maps, (map) => definition.rescale?.(map, own) ?? map);
    },
  };
}

/** A layer with the signed map that a method made of it. */
export interface LayerMap extends CamMap {
  readonly layer: Layer;
  readonly degenerate: SaliencyMap["degenerate"];
}

/** Puts a layer and its map together, with the reason if the map says nothing. */
export function layerMap(
  layer: Layer,
  values: Pick<LayerValues, "activations"> & Partial<LayerValues> & { readonly score?: ScoreKind },
  { map, weights }: CamMap,
): LayerMap {
  const { activations, gradients, score } = values;
  const degenerate = degenerateCam({ layer, activations, gradients, score, weights, map });
  return { layer, map, ...(weights && { weights }), degenerate };
}

/**
 * The saliency map of one layer: upsample(ReLU(S)), with S as `native`. Of several layers: the mean of their min-max
 * normalised maps (layers of different depth have different scales), without `native`.
 */
export function camSaliency(
  image: Extent,
  maps: readonly LayerMap[],
  rescale: (map: Float64Array) => Float64Array = (map) => map,
  details?: Readonly<Record<string, unknown>>,
): SaliencyMap {
  const [first, ...more] = maps;
  assert(first !== undefined, "at least one layer");
  if (more.length === 0) {
    const { layer, map, degenerate } = first;
    return {
      ...upsampleLinear(layerGrid(layer, rectified(map)), image),
      native: layerGrid(layer, map),
      ...(degenerate && { degenerate }),
      details: { layer: layer.name, layerSize: imageDims(layer), ...details },
    };
  }
  const values = new Float32Array(placeCount(image));
  for (const { layer, map } of maps) {
    const normalised = minMax(upsampleLinear(layerGrid(layer, rescale(rectified(map))), image));
    normalised.values.forEach((value, pixel) => (values[pixel]! += value / maps.length));
  }
  const degenerate = maps.every((map) => map.degenerate) ? first.degenerate : undefined;
  const layers = maps.map(({ layer }) => layer.name);
  return {
    ...extentOf(image),
    values,
    ...(degenerate && { degenerate }),
    details: { layer: layers.join(", "), layers, ...details },
  };
}

function rectified(map: Float64Array): Float64Array {
  return map.map((value) => Math.max(value, 0));
}

function layerGrid(layer: Layer, map: Float64Array): Grid {
  return { ...extentOf(layer), values: Float32Array.from(map) };
}

/** One image's activations and gradients of a layer. */
function layerValues(
  layer: Layer,
  activations: { data: Float32Array } | undefined,
  gradients: { data: Float32Array } | undefined,
): LayerValues {
  assert(
    activations !== undefined && gradients !== undefined,
    `activations and gradients of layer '${layer.name}'`,
  );
  return {
    channels: layer.channels,
    ...extentOf(layer),
    activations: activations.data,
    gradients: gradients.data,
  };
}
