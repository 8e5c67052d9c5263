import { convolvePlane, gaussianKernel, gaussianSize } from "../../image/gaussian-blur.ts";
import { maskResampling } from "../../runtime/mask-resampling.ts";
import type { ScoreKind } from "../../runtime/model.ts";
import type { Mask } from "./mask.ts";
import { maskedNetwork } from "./masked-network.ts";
import type { MaskProblem } from "./optimizer.ts";

const largestRadius = 170;
const radiusStep = 5;
const sigma = 10;
/** Share of the score that may be left. */
const remaining = 0.01;

/**
 * The start of the original EMP: of the masks D_r = 1 - blur(disc of radius r at the centre, sigma 10),
 * r = 0, 5, ..., 170, the smallest that leaves less than 1 % of the score between the image and the largest disc; resampled
 * (nearest) to the size of the initial mask. Costs 36 forward passes.
 */
export async function discMask(problem: MaskProblem, score: ScoreKind): Promise<Mask> {
  const { model, target, input, signal } = problem;
  const { height, width } = model;
  const resampling = maskResampling("nearest", model, model);
  const network = maskedNetwork({ model, target, score, resampling });
  const radii = Array.from({ length: largestRadius / radiusStep + 1 }, (_, index) => index * radiusStep);
  const discs = radii.map((radius) => softDisc(height, width, radius));
  const ones: Mask = { height, width, values: new Float64Array(height * width).fill(1) };
  const images = { foreground: input, background: problem.baselineAt(0) };
  const scores = await network.scores(
    [ones, ...discs].map((mask) => ({ masks: [mask] })),
    images,
    signal,
  );
  const [whole = 0] = scores;
  const removed = scores.at(-1) ?? 0;
  const index = discs.findIndex((_, disc) => (scores[disc + 1]! - removed) / (whole - removed) < remaining);
  return nearestResample(discs.at(index)!, problem.initialMask);
}

function softDisc(height: number, width: number, radius: number): Mask {
  const disc = new Float64Array(height * width);
  const [middleRow, middleColumn] = [(height - 1) / 2, (width - 1) / 2];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const isInside = (row - middleRow) ** 2 + (column - middleColumn) ** 2 <= radius * radius;
      disc[row * width + column] = isInside && radius > 0 ? 1 : 0;
    }
  }
  const blurred = convolvePlane(
    disc,
    width,
    height,
    gaussianKernel(gaussianSize(sigma), sigma),
    "reflect-101",
  );
  return { height, width, values: blurred.map((value) => 1 - value) };
}

function nearestResample(mask: Mask, { height, width }: Pick<Mask, "height" | "width">): Mask {
  const values = new Float64Array(height * width);
  for (let row = 0; row < height; row++) {
    const sourceRow = Math.floor(((row + 0.5) * mask.height) / height);
    for (let column = 0; column < width; column++) {
      const sourceColumn = Math.floor(((column + 0.5) * mask.width) / width);
      values[row * width + column] = mask.values[sourceRow * mask.width + sourceColumn]!;
    }
  }
  return { height, width, values };
}
