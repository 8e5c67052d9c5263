import { z } from "zod";
import { ParameterError } from "../../errors.ts";
import type { Layer, Model } from "../../runtime/model.ts";

const tap = z
  .enum(["before-activation", "after-activation"])
  .optional()
  .describe(
    "take the default layer before or after the activation function beside it; default: as the model's structure suggests",
  );

/** Parameters that choose one layer, for methods that run the network once a channel. */
export const singleLayerParams = {
  layer: z
    .string()
    .optional()
    .describe(
      "value or node name of the target layer; default: the last layer with spatial extent that all paths pass through",
    ),
  tap,
} as const;

/** Parameters that choose the layers of an activation method. */
export const layerParams = {
  layer: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe(
      "value or node name of the target layer, or several whose maps are fused; default: the last layer with spatial extent that all paths pass through",
    ),
  tap,
} as const;

/** Target layers chosen by the parameters. */
export interface LayerChoice {
  readonly layer?: string | readonly string[] | undefined;
  readonly tap?: "before-activation" | "after-activation" | undefined;
}

/**
 * The layers that parameters choose, at least one.
 * @throws `ModelError` for a name that is not in the model, or a model without a default layer.
 * @throws `ParameterError` for `tap` together with `layer`.
 */
export function chosenLayers(model: Model, { layer, tap }: LayerChoice): readonly Layer[] {
  if (layer === undefined) return [tap === undefined ? model.defaultLayer : model.tappedLayer(tap)];
  if (tap !== undefined) {
    throw new ParameterError(
      "tap: expected only for the default layer, got it together with layer. Leave out tap and name the value itself.",
    );
  }
  return (typeof layer === "string" ? [layer] : layer).map((name) => model.layer(name));
}
