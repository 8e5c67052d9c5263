import { z } from "zod";
import { imageDims } from "../../runtime/model.ts";
import { tensor } from "../../tensor/tensor.ts";
import { defineMethod } from "../define-method.ts";
import { plainGradient, scoreParameter, type BatchAttribution } from "./attribution.ts";
import { attributionMap, reduceParameter } from "./channel-reduction.ts";

/** x * d score / dx, in input space. */
export const inputTimesGradient: BatchAttribution = async (request) => {
  const gradient = await plainGradient(request);
  const { data } = request.images;
  return tensor(
    gradient.data.map((value, index) => value * (data[index] ?? 0)),
    gradient.dims,
  );
};

/**
 * The image times the gradient, R = x dz_c/dx, in input space. For a network without biases whose non-linearities are
 * piecewise linear, the values sum to the logit.
 */
export const inputXGradient = defineMethod({
  name: "input-x-gradient",
  title: "Input x gradient",
  family: "gradient",
  needs: "gradients",
  explainsVolumes: true,
  paper: { authors: "Shrikumar et al.", year: 2016, url: "https://arxiv.org/abs/1605.01713" },
  summary: "The gradient weighted with the value of each pixel: a first-order share of the score.",
  params: z.strictObject({
    score: scoreParameter,
    reduce: reduceParameter("sum", "the signed sum, so that the values still add up to the score"),
  }),
  cost: () => ({ f: 0, fb: 1 }),
  async explain({ model, input, target, params, signal }) {
    const attribution = await inputTimesGradient({
      model,
      images: input,
      target,
      score: params.score,
      signal,
    });
    return attributionMap(attribution.data, imageDims(model), params.reduce, undefined, params.score);
  },
});
