import { z } from "zod";
import { assert } from "../../errors.ts";
import { defineMethod } from "../define-method.ts";
import { chosenLayers, layerParams } from "./cam-layer.ts";
import { camSaliency, layerMap } from "./cam-method.ts";
import { principalProjection } from "./principal-projection.ts";

/**
 * Eigen-CAM: the projection of the activations (a row a place, a column a channel) on their first right singular vector.
 * Uncentred as published; `centred` subtracts the channel means first, as
 * `jacobgil/pytorch-grad-cam: pytorch_grad_cam/utils/svd_on_activations.py` does. The sign, which the singular vector
 * leaves open, is chosen so that the values sum to something positive (centred: so that the largest absolute value is positive).
 */
export const eigenCam = defineMethod({
  name: "eigen-cam",
  title: "Eigen-CAM",
  family: "activation",
  needs: "activations",
  explainsVolumes: true,
  paper: { authors: "Muhammad and Yeasin", year: 2020, url: "https://arxiv.org/abs/2008.00299" },
  summary: "The main direction of the activations of the last layer, whatever the class.",
  isClassAgnostic: true,
  params: z.strictObject({
    ...layerParams,
    centred: z
      .boolean()
      .default(false)
      .describe("subtract each channel's mean first; not in the published method"),
  }),
  cost: () => ({ f: 1, fb: 0 }),
  async explain({ model, input, params, signal }) {
    const layers = chosenLayers(model, params);
    const activations = await model.activations(
      input,
      layers.map((layer) => layer.name),
      { signal },
    );
    const maps = layers.map((layer, index) => {
      const values = activations[index]?.data;
      assert(values !== undefined, `activations of layer '${layer.name}'`);
      return layerMap(
        layer,
        { activations: values },
        { map: principalProjection(values, layer.channels, params.centred) },
      );
    });
    return camSaliency(model, maps, undefined, { isTargetUsed: false });
  },
});
