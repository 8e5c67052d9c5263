import { z } from "zod";
import { imageDims } from "../../runtime/model.ts";
import { defineMethod } from "../define-method.ts";
import { plainGradient, scoreParameter } from "./attribution.ts";
import { attributionMap, reduceParameter } from "./channel-reduction.ts";

/**
 * The gradient of the score with respect to the image, R = dz_c/dx.
 * Reference: the default reduction is the paper's, also in `facebookresearch/TorchRay: torchray/attribution/common.py`.
 */
export const gradient = defineMethod({
  name: "gradient",
  title: "Gradient",
  family: "gradient",
  needs: "gradients",
  explainsVolumes: true,
  paper: { authors: "Simonyan et al.", year: 2013, url: "https://arxiv.org/abs/1312.6034" },
  summary: "How much the score changes when a pixel changes a little.",
  params: z.strictObject({
    score: scoreParameter,
    reduce: reduceParameter("max-abs", "the maximum of the absolute values, as in the paper"),
  }),
  cost: () => ({ f: 0, fb: 1 }),
  async explain({ model, input, target, params, signal }) {
    const attribution = await plainGradient({ model, images: input, target, score: params.score, signal });
    return attributionMap(attribution.data, imageDims(model), params.reduce, undefined, params.score);
  },
});
