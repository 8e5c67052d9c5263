import { z } from "zod";
import { ParameterError } from "../../errors.ts";
import type { SaliencyMap } from "../../image/saliency-map.ts";
import { maskedProgram } from "../../runtime/masked-input.ts";
import { filled } from "../../tensor/tensor.ts";
import { fillParameter, filledImage } from "../baseline.ts";
import { runSamples } from "../batched-runs.ts";
import { defineMethod } from "../define-method.ts";

/** A patch of the image, in pixels. */
interface Patch {
  readonly top: number;
  readonly left: number;
}

/**
 * Occlusion: a square slides over the image; each pixel gets the mean loss of score over the squares that cover it,
 * score(image) - score(image with the square filled). Signed: negative where hiding helps the class. The squares begin every
 * `stride` pixels; the last one of a row or column is moved back to end at the border, so that every pixel is covered.
 */
export const occlusion = defineMethod({
  name: "occlusion",
  title: "Occlusion",
  family: "region",
  needs: "forward",
  paper: { authors: "Zeiler and Fergus", year: 2013, url: "https://arxiv.org/abs/1311.2901" },
  summary: "What the score loses when a square of the image is hidden; works with any network.",
  params: z.strictObject({
    patch: z
      .int()
      .min(1)
      .optional()
      .describe("side of the square in pixels; default: a seventh of the image's shorter side (32 of 224)"),
    stride: z
      .int()
      .min(1)
      .optional()
      .describe("pixels between squares; default: half the square, so that neighbours overlap"),
    fill: fillParameter("mean", "the mean colour of the data, near the grey of the paper"),
    score: z
      .enum(["probability", "logit", "log-probability"])
      .default("probability")
      .describe("what the loss is measured on; the probability, as in the paper"),
  }),
  cost: (params, size) => ({ f: 1 + patchesOf(params, size).length, fb: 0 }),
  async explain({ model, input, target, params, signal, stop, report }) {
    const { channels, height, width } = model;
    const side = patchSize(params, model);
    if (side > Math.min(height, width)) {
      throw new ParameterError(
        `patch: expected at most ${Math.min(height, width)} pixels, got ${side}. The image has ${width} x ${height}.`,
      );
    }
    const patches = patchesOf(params, model);
    const [full = 0] = await model.scores(input, target, params.score, { signal });
    const sum = new Float64Array(height * width);
    const covers = new Int32Array(height * width);
    const map = (): SaliencyMap => ({
      width,
      height,
      values: Float32Array.from(sum, (value, pixel) => value / Math.max(covers[pixel]!, 1)),
      isSigned: true,
      details: { patch: side, patches: patches.length },
    });
    let done = 0;
    await runSamples({
      model,
      // The mask is where the square is: the fill is the foreground, the image the background.
      program: maskedProgram({
        channels,
        height,
        width,
        resampling: { kind: "fed", maskHeight: 1, maskWidth: 1 },
      }),
      count: patches.length,
      feeds(start, end) {
        const count = end - start;
        const rows = filled([count, 1, height, 1]);
        const columns = filled([count, 1, 1, width]);
        patches.slice(start, end).forEach(({ top, left }, index) => {
          rows.data.fill(1, index * height + top, index * height + top + side);
          columns.data.fill(1, index * width + left, index * width + left + side);
        });
        return { mask: filled([count, 1, 1, 1], 1), rows, columns };
      },
      shared: { foreground: filledImage(params.fill, input, model.normalization), background: input },
      target,
      score: params.score,
      onBatch(start, scores) {
        scores.forEach((score, index) => {
          const { top, left } = patches[start + index]!;
          for (let y = top; y < top + side; y++) {
            for (let pixel = y * width + left; pixel < y * width + left + side; pixel++) {
              sum[pixel]! += full - score;
              covers[pixel]! += 1;
            }
          }
        });
        done += scores.length;
        report({ done, total: patches.length, map });
      },
      signal,
      stop,
    });
    return map();
  },
});

interface PatchParams {
  readonly patch?: number | undefined;
  readonly stride?: number | undefined;
}
interface Size {
  readonly height: number;
  readonly width: number;
}

function patchSize({ patch }: PatchParams, { height, width }: Size): number {
  return patch ?? Math.max(1, Math.round(Math.min(height, width) / 7));
}

function patchesOf(params: PatchParams, size: Size): readonly Patch[] {
  const side = patchSize(params, size);
  const stride = params.stride ?? Math.max(1, Math.round(side / 2));
  return starts(size.height, side, stride).flatMap((top) =>
    starts(size.width, side, stride).map((left) => ({ top, left })),
  );
}

function starts(length: number, side: number, stride: number): readonly number[] {
  const last = Math.max(length - side, 0);
  const count = Math.ceil(last / stride) + 1;
  return Array.from({ length: count }, (_, index) => Math.min(index * stride, last));
}
