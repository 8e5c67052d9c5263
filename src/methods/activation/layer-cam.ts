import { z } from "zod";
import { camMethod } from "./cam-method.ts";
import { sumOverChannels } from "./cam-rule.ts";

/** LayerCAM: S = sum_k max(G_k, 0) A_k, place by place. Good for early layers; several can be fused. */
export const layerCam = camMethod({
  name: "layer-cam",
  title: "LayerCAM",
  paper: { authors: "Jiang et al.", year: 2021, url: "https://ieeexplore.ieee.org/document/9462463" },
  summary: "Activation times positive gradient at every place; also works on early layers.",
  params: {
    gamma: z
      .number()
      .min(0)
      .max(100)
      .default(2)
      .describe(
        "several layers: each map becomes tanh(gamma S / max S) before the mean, which lifts early layers; 2 as in the paper, 0 for none",
      ),
  },
  map: (layer) => sumOverChannels(layer, (a, g) => Math.max(g, 0) * a),
  rescale(map, { gamma }) {
    const max = map.reduce((largest, value) => Math.max(largest, value), 0);
    return gamma === 0 || max === 0 ? map : map.map((value) => Math.tanh((gamma * value) / max));
  },
});
