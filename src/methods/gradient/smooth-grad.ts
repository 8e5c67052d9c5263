import { z } from "zod";
import { throwIfAborted } from "../../errors.ts";
import type { SaliencyMap } from "../../image/saliency-map.ts";
import { imageDims } from "../../runtime/model.ts";
import { fillNormals } from "../../random/normal-fill.ts";
import type { RandomStream } from "../../random/random-stream.ts";
import { tensor, type Tensor } from "../../tensor/tensor.ts";
import { defineMethod, type MethodContext } from "../define-method.ts";
import { plainGradient, scoreParameter, type BatchAttribution } from "./attribution.ts";
import { attributionMap, reduceParameter, type ChannelReduction } from "./channel-reduction.ts";
import { deconvnetGradient } from "./deconvnet.ts";
import { guidedBackpropGradient } from "./guided-backprop.ts";
import { inputTimesGradient } from "./input-x-gradient.ts";
import { runningMoments, type RunningMoments } from "./running-moments.ts";

const bases = {
  gradient: plainGradient,
  "input-x-gradient": inputTimesGradient,
  "guided-backprop": guidedBackpropGradient,
  deconvnet: deconvnetGradient,
} as const satisfies Readonly<Record<string, BatchAttribution>>;

function smoothingParams(leastSamples: number, reduce: ChannelReduction, reason: string) {
  return z.strictObject({
    of: z
      .enum(["gradient", "input-x-gradient", "guided-backprop", "deconvnet"])
      .default("gradient")
      .describe("the method whose attributions are combined; the plain gradient, as in the papers"),
    samples: z
      .int()
      .min(leastSamples)
      .max(10_000)
      .default(50)
      .describe("number of noisy copies; 50, beyond which the paper saw little change"),
    spread: z
      .number()
      .min(0)
      .max(10)
      .default(0.15)
      .describe(
        "standard deviation of the noise as a share of the image's range (max - min); 0.15, amid the paper's 0.1 to 0.2",
      ),
    score: scoreParameter,
    reduce: reduceParameter(reduce, reason),
  });
}
type SmoothingParams = z.output<ReturnType<typeof smoothingParams>>;

/**
 * SmoothGrad: the mean of the attributions of noisy copies of the image, x + sigma e with e ~ N(0, 1) for every element
 * and sigma = spread (max x - min x) over the whole input tensor.
 */
export const smoothGrad = defineMethod({
  name: "smooth-grad",
  title: "SmoothGrad",
  family: "gradient",
  needs: "gradients",
  explainsVolumes: true,
  paper: { authors: "Smilkov et al.", year: 2017, url: "https://arxiv.org/abs/1706.03825" },
  summary: "The mean gradient over noisy copies of the image.",
  params: smoothingParams(1, "max-abs", "the maximum of the absolute values, as for the plain gradient"),
  cost: ({ samples }) => ({ f: 0, fb: samples }),
  explain: (context) => smooth(context, (moments) => moments.mean()),
});

/** SmoothGrad squared: the mean of the squared attributions of noisy copies of the image; noise as in {@link smoothGrad}. */
export const smoothGradSquared = defineMethod({
  name: "smooth-grad-squared",
  title: "SmoothGrad squared",
  family: "gradient",
  needs: "gradients",
  explainsVolumes: true,
  paper: { authors: "Hooker et al.", year: 2018, url: "https://arxiv.org/abs/1806.10758" },
  summary: "The mean squared gradient over noisy copies of the image.",
  params: smoothingParams(1, "sum", "the values are not negative, so the sum loses nothing"),
  cost: ({ samples }) => ({ f: 0, fb: samples }),
  explain: (context) => smooth(context, (moments) => moments.meanOfSquares()),
});

/** VarGrad: the variance of the attributions of noisy copies of the image; noise as in {@link smoothGrad}. */
export const varGrad = defineMethod({
  name: "var-grad",
  title: "VarGrad",
  family: "gradient",
  needs: "gradients",
  explainsVolumes: true,
  paper: { authors: "Adebayo et al.", year: 2018, url: "https://arxiv.org/abs/1810.03307" },
  summary: "The variance of the gradient over noisy copies of the image.",
  params: smoothingParams(2, "sum", "the values are not negative, so the sum loses nothing").extend({
    divisor: z
      .enum(["sample", "population"])
      .default("sample")
      .describe("divide by samples - 1 (unbiased, the default) or by samples"),
  }),
  cost: ({ samples }) => ({ f: 0, fb: samples }),
  explain: (context) =>
    smooth(context, (moments) => moments.variance(moments.count < 2 ? "population" : context.params.divisor)),
});

async function smooth(
  context: MethodContext<SmoothingParams>,
  combine: (moments: RunningMoments) => Float64Array,
): Promise<SaliencyMap> {
  const { model, input, target, params, signal, stop } = context;
  const attribute = bases[params.of];
  const sigma = params.spread * rangeOf(input.data);
  const batchSize = model.batchSize("gradient");
  const moments = runningMoments(input.data.length);
  const map = (): SaliencyMap =>
    attributionMap(
      combine(moments),
      imageDims(model),
      params.reduce,
      {
        sigma,
        ...(moments.count < params.samples && { samples: moments.count }),
      },
      params.score,
    );

  while (moments.count < params.samples) {
    throwIfAborted(signal);
    if (stop?.aborted === true && moments.count > 0) break;
    const count = Math.min(batchSize, params.samples - moments.count);
    const images = noisyCopies(input, sigma, count, (index) => context.random(moments.count + index));
    const attributions = await attribute({ model, images, target, score: params.score, signal });
    const size = input.data.length;
    for (let index = 0; index < count; index++)
      moments.add(attributions.data.subarray(index * size, (index + 1) * size));
    context.report({ done: moments.count, total: params.samples, map });
  }
  return map();
}

function noisyCopies(
  input: Tensor,
  sigma: number,
  count: number,
  stream: (index: number) => RandomStream,
): Tensor {
  const { data: image } = input;
  const size = image.length;
  const data = new Float32Array(count * size);
  for (let index = 0; index < count; index++) {
    const copy = data.subarray(index * size, (index + 1) * size);
    fillNormals(copy, stream(index), sigma);
    for (let element = 0; element < size; element++) copy[element]! += image[element]!;
  }
  return tensor(data, [count, ...input.dims.slice(1)]);
}

function rangeOf(values: Float32Array): number {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return max - min;
}
