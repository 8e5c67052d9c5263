import { assertNever } from "../../errors.ts";

/** Kernel size in pixels (odd) and standard deviation in pixels of a Gaussian blur. */
export interface Blur {
  readonly kernel: number;
  readonly sigma: number;
}

/**
 * Weaker blurs for the first iterations: the optimiser first learns against a baseline that is close to
 * the image.
 * - `gradual`: kernel and sigma grow in proportion to (t + 1) / (iterations + 1). Scaling sigma alone would hardly change the
 *   blur, because the kernel cuts it off.
 * - `constant`: one weak blur, (11, 10).
 * - `list`: as given, one an iteration.
 */
export type WarmUp =
  | { readonly kind: "off" }
  | { readonly kind: "gradual" | "constant"; readonly iterations: number }
  | { readonly kind: "list"; readonly blurs: readonly Blur[] };

const constantBlur: Blur = { kernel: 11, sigma: 10 };

/** The blur of the baseline in an iteration; `full` is the one after the warm-up. */
export function blurOfIteration(warmUp: WarmUp, iteration: number, full: Blur): Blur {
  switch (warmUp.kind) {
    case "off":
      return full;
    case "gradual": {
      if (iteration >= warmUp.iterations) return full;
      const parts = warmUp.iterations + 1;
      const kernel = 2 * Math.floor(((iteration + 1) * full.kernel) / (2 * parts)) + 1;
      return { kernel, sigma: (full.sigma * (iteration + 1)) / parts };
    }
    case "constant":
      return iteration < warmUp.iterations ? constantBlur : full;
    case "list":
      return warmUp.blurs[iteration] ?? full;
    default:
      return assertNever(warmUp);
  }
}
