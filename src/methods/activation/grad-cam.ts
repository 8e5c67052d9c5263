import { placeCount } from "../../image/extent.ts";
import { camMethod } from "./cam-method.ts";
import { perChannel, sumOverPlaces, weightedSum } from "./cam-rule.ts";

/** Grad-CAM: w_k = mean over places of G_k, S = sum_k w_k A_k (eqs. 1 and 2 of the paper). */
export const gradCam = camMethod({
  name: "grad-cam",
  title: "Grad-CAM",
  paper: { authors: "Selvaraju et al.", year: 2017, url: "https://arxiv.org/abs/1610.02391" },
  summary: "Channels of the last layer, each weighted with its mean gradient.",
  params: {},
  map(layer) {
    const area = placeCount(layer);
    return weightedSum(
      layer,
      perChannel(layer, (channel) => sumOverPlaces(layer, channel, (_, g) => g) / area),
    );
  },
});
