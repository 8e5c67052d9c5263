import { z } from "zod";
import { assert } from "../../errors.ts";
import { spatialDims } from "../../image/extent.ts";
import { imageDims, type Layer, type Program } from "../../runtime/model.ts";
import { filled } from "../../tensor/tensor.ts";
import { runSamples } from "../batched-runs.ts";
import { defineMethod } from "../define-method.ts";
import { chosenLayers, singleLayerParams } from "./cam-layer.ts";
import { camSaliency, layerMap } from "./cam-method.ts";
import { weightedSum } from "./cam-rule.ts";

/**
 * Ablation-CAM: w_k = (y - y_k) / |y|, where y is the score and y_k the score with channel k set to 0; S = sum_k w_k A_k.
 * The network is run from the layer on, once a channel. Deviation: the paper divides by y, which turns the map upside
 * down for a negative score; a score near 0 is not divided by at all (`score-near-zero`).
 */
export const ablationCam = defineMethod({
  name: "ablation-cam",
  title: "Ablation-CAM",
  family: "activation",
  needs: "activations",
  explainsVolumes: true,
  paper: {
    authors: "Desai and Ramaswamy",
    year: 2020,
    url: "https://openaccess.thecvf.com/content_WACV_2020/html/Desai_Ablation-CAM_Visual_Explanations_for_Deep_Convolutional_Network_via_Gradient-free_Localization_WACV_2020_paper.html",
  },
  summary: "Channels of the last layer, each weighted with what the score loses without it; no gradients.",
  params: z.strictObject({
    ...singleLayerParams,
    score: z
      .enum(["logit", "probability", "log-probability"])
      .default("logit")
      .describe("what a channel's removal is measured on; the logit, as in the paper"),
  }),
  cost: (_, { layerChannels }) => ({ f: layerChannels + 2, fb: 0 }),
  async explain({ model, input, target, params, signal, stop, report }) {
    const [layer] = chosenLayers(model, params);
    assert(layer !== undefined, "at least one layer");
    const [activations] = await model.activations(input, [layer.name], { signal });
    assert(activations !== undefined, `activations of layer '${layer.name}'`);

    // Sample 0 keeps all channels; sample k + 1 loses channel k.
    const scores: number[] = [];
    const map = () => {
      const [full = 0, ...without] = scores;
      const isNearZero = Math.abs(full) < 1e-6;
      const weights = new Float64Array(layer.channels);
      without.forEach(
        (score, channel) => (weights[channel] = (full - score) / (isNearZero ? 1 : Math.abs(full))),
      );
      const values = layerMap(
        layer,
        { activations: activations.data },
        weightedSum({ ...layer, activations: activations.data }, weights),
      );
      const saliency = camSaliency(model, [values]);
      if (!isNearZero || saliency.degenerate) return saliency;
      const message = `The score of the class is ${full}, too near 0 to divide by: the map is not relative to it. Use score=logit or another class.`;
      return { ...saliency, degenerate: { code: "score-near-zero", message } as const };
    };
    await runSamples({
      model,
      program: ablationProgram(layer),
      count: layer.channels + 1,
      feeds(start, end) {
        const keep = filled([end - start, layer.channels, ...spatialDims(layer).map(() => 1)], 1);
        for (let sample = Math.max(start, 1); sample < end; sample++)
          keep.data[(sample - start) * layer.channels + sample - 1] = 0;
        return { keep };
      },
      shared: { activation: activations },
      target,
      score: params.score,
      onBatch(_, batch) {
        scores.push(...batch);
        report({ done: scores.length, total: layer.channels + 1, map });
      },
      signal,
      stop,
    });
    return map();
  },
});

/** The network behind a layer, whose value is one activation for all samples times a factor a channel, `[batch, K, 1, 1]`. */
function ablationProgram(layer: Layer): Program {
  return {
    key: `ablation:${layer.name}`,
    start: layer.name,
    prologue: (g) =>
      g.mul(
        g.input("activation", [1, ...imageDims(layer)]),
        g.input("keep", ["batch", layer.channels, ...spatialDims(layer).map(() => 1)]),
      ),
    outputs: [],
  };
}
