import { placeCount } from "../../image/extent.ts";
import { camMethod } from "./cam-method.ts";
import { perChannel, sumOverPlaces, weightedSum } from "./cam-rule.ts";

/**
 * WGradCAM: w_k = mean over places of G_k A_k, S = sum_k w_k A_k (eqs. 2 to 4 of the paper on optimising activation maps
 * with perturbation). Quadratic in A, so channels that fire strongly count for more than in Grad-CAM.
 */
export const wgradCam = camMethod({
  name: "wgrad-cam",
  title: "WGradCAM",
  paper: {
    authors: "Zhang et al.",
    year: 2021,
    url: "https://ojs.aaai.org/index.php/AAAI/article/view/16450",
  },
  summary: "Channels of the last layer, each weighted with its mean of gradient times activation.",
  params: {},
  map(layer) {
    const area = placeCount(layer);
    return weightedSum(
      layer,
      perChannel(layer, (channel) => sumOverPlaces(layer, channel, (a, g) => g * a) / area),
    );
  },
});
