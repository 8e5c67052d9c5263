import { camMethod } from "./cam-method.ts";
import { sumOverChannels } from "./cam-rule.ts";

/**
 * HiResCAM: S = sum_k G_k A_k, place by place. Where only a linear layer follows, the values of `native` and the bias sum
 * to the logit.
 */
export const hiresCam = camMethod({
  name: "hires-cam",
  title: "HiResCAM",
  paper: { authors: "Draelos and Carin", year: 2020, url: "https://arxiv.org/abs/2011.08891" },
  summary: "Gradient times activation at every place, without averaging the gradient.",
  params: {},
  map: (layer) => sumOverChannels(layer, (a, g) => g * a),
});
