import type { DegenerateReason, SaliencyMap } from "../../image/saliency-map.ts";
import { resample, type MaskResampling } from "../../runtime/mask-resampling.ts";
import type { Model } from "../../runtime/model.ts";
import type { MethodContext } from "../define-method.ts";
import { unlessStopped } from "../stoppable.ts";
import { baselineSchedule, resamplings } from "./mask-settings.ts";
import type { Mask } from "./mask.ts";
import type { OptimizationRecord, OptimizedMask, Optimizer } from "./optimizer.ts";
import type { ResolvedSettings } from "./settings.ts";

/** Runs an optimiser from a mask and returns the saliency map, with the loss history in its details. */
export async function runOptimizer(
  optimizer: Optimizer,
  context: MethodContext<unknown>,
  settings: ResolvedSettings,
  initialMask: Mask,
): Promise<SaliencyMap> {
  const { model, input } = context;
  const { resampling, sharpResampling } = resamplings(settings.mask, model);
  const { iterations } = settings.optimizer;
  if (typeof iterations === "number" && iterations > 0) {
    // Where the mask starts from: a budget may be spent before the first iteration ends, and a film begins here.
    context.report({ done: 0, total: iterations, map: () => removedMap(initialMask, resampling, model) });
  }
  let mask = initialMask;
  const history: OptimizationRecord[] = [];
  const result = await unlessStopped<OptimizedMask>(
    context,
    (signal) =>
      optimizer.optimize(
        {
          model,
          input,
          initialMask,
          resampling,
          sharpResampling,
          target: context.target,
          signal,
          stop: context.stop,
          baselineAt: baselineSchedule(settings.mask, input, model),
          random: (...keys) => context.random(...keys),
          report(progress) {
            const current = progress.mask;
            mask = current;
            if (progress.record !== undefined) history.push(progress.record);
            context.report({
              done: progress.iteration,
              total: progress.iterations,
              objective: progress.objective,
              map: () => removedMap(current, resampling, model),
            });
          },
        },
        settings.optimizer,
      ),
    () => ({ mask, history, isFinished: false }),
  );
  const degenerate = removesNothing(result.mask);
  return {
    ...removedMap(result.mask, resampling, model),
    ...(degenerate === undefined ? {} : { degenerate }),
    details: details(result, settings),
  };
}

/** A mask of one value says nothing about places. */
function removesNothing({ values }: Mask): DegenerateReason | undefined {
  if (values.some((value) => value !== values[0])) return undefined;
  const message =
    "The mask is the same everywhere: removing no part of the image lowers the score by more than the mask costs. " +
    "Lower l1Weight, take a stronger blur (kernel), or optimise the logit (score=logit).";
  return { code: "constant", message };
}

/** 1 - up(M), `[H, W]`: what the mask removes. Raw: neither clipped nor scaled. */
export function removedMap(
  mask: Mask,
  resampling: MaskResampling,
  { height, width }: Pick<Model, "height" | "width">,
): SaliencyMap {
  const values = Float32Array.from(resample(resampling, mask.values), (keep) => 1 - keep);
  const native = {
    height: mask.height,
    width: mask.width,
    values: Float32Array.from(mask.values, (keep) => 1 - keep),
  };
  return { height, width, values, native };
}

function details(
  { history, isFinished }: OptimizedMask,
  settings: ResolvedSettings,
): Record<string, unknown> {
  return {
    finished: isFinished,
    iterations: history.length,
    history,
    settings: { ...settings.mask, ...settings.optimizer },
  };
}
