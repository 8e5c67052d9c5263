import { camMethod } from "./cam-method.ts";
import { perChannel, sumOverPlaces, weightedSum } from "./cam-rule.ts";

/**
 * XGradCAM: w_k = sum G_k A_k / (sum A_k + e), S = sum_k w_k A_k. e is 1e-7 with the sign of the sum, after
 * `jacobgil/pytorch-grad-cam: pytorch_grad_cam/xgrad_cam.py` (there always positive).
 */
export const xGradCam = camMethod({
  name: "x-grad-cam",
  title: "XGradCAM",
  paper: { authors: "Fu et al.", year: 2020, url: "https://arxiv.org/abs/2008.02312" },
  summary: "Channels weighted with their gradients, averaged where the channel is active.",
  params: {},
  map(layer) {
    const weight = (channel: number): number => {
      const total = sumOverPlaces(layer, channel, (a) => a);
      return sumOverPlaces(layer, channel, (a, g) => g * a) / (total + (total < 0 ? -1e-7 : 1e-7));
    };
    return weightedSum(layer, perChannel(layer, weight));
  },
});
