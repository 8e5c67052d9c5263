import { quadrature } from "../gradient/quadrature.ts";
import type { MaskedImages, MaskedNetwork, MaskedSample } from "./masked-network.ts";

/** How the path from the baseline is integrated: equal steps s/S as in the papers, or nodes that need fewer points. */
export const pathRules = ["equal", "gauss-legendre", "midpoint"] as const;
export type PathRule = (typeof pathRules)[number];

export interface PathRequest {
  readonly rule: PathRule;
  /** Points on the path. */
  readonly steps: number;
  readonly images: MaskedImages;
  /** The sample of a point; its `gain` is set here. */
  readonly sampleAt: (step: number) => MaskedSample;
  readonly signal: AbortSignal | undefined;
}

/**
 * The gradient of the score with respect to each mask of a sample, averaged over the path from the baseline:
 * sum_s w_s d p(Phi(a_s up(M)) + noise) / dM. The factor a_s comes with the chain rule. Summed in
 * float64 in the order of the path, so that batches do not matter.
 */
export async function pathGradient(
  network: MaskedNetwork,
  { rule, steps, images, sampleAt, signal }: PathRequest,
): Promise<readonly Float64Array[]> {
  const { points, weights } = quadrature(rule === "equal" ? "right" : rule, steps);
  const samples = points.map((gain, step) => ({ ...sampleAt(step), gain }));
  const { gradients } = await network.gradients(samples, images, signal);
  return gradients.map((each) => {
    const total = new Float64Array(each[0]?.length ?? 0);
    for (const [step, gradient] of each.entries()) {
      for (let cell = 0; cell < total.length; cell++) total[cell]! += weights[step]! * gradient[cell]!;
    }
    return total;
  });
}
