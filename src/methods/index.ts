import { ParameterError } from "../errors.ts";
import { nearestNames } from "../nearest-names.ts";
import { ablationCam } from "./activation/ablation-cam.ts";
import { cam } from "./activation/cam.ts";
import { eigenCam } from "./activation/eigen-cam.ts";
import { gradCamPp } from "./activation/grad-cam-pp.ts";
import { gradCam } from "./activation/grad-cam.ts";
import { hiresCam } from "./activation/hires-cam.ts";
import { layerCam } from "./activation/layer-cam.ts";
import { scoreCam } from "./activation/score-cam.ts";
import { wgradCam } from "./activation/wgrad-cam.ts";
import { xGradCam } from "./activation/x-grad-cam.ts";
import { aopMethod, parseAopName } from "./aop/aop-method.ts";
import { sigCam, sigCamCoco } from "./aop/sig-cam.ts";
import type { Method } from "./define-method.ts";
import { deconvnet } from "./gradient/deconvnet.ts";
import { gradient } from "./gradient/gradient.ts";
import { guidedBackprop } from "./gradient/guided-backprop.ts";
import { inputXGradient } from "./gradient/input-x-gradient.ts";
import { integratedGradients } from "./gradient/integrated-gradients.ts";
import { smoothGrad, smoothGradSquared, varGrad } from "./gradient/smooth-grad.ts";
import { findOptimizer, iGos, iGosPp, meaningfulPerturbation } from "./perturbation/optimizers.ts";
import { lime } from "./region/lime.ts";
import { occlusion } from "./region/occlusion.ts";
import { rise } from "./region/rise.ts";
import { xrai } from "./region/xrai.ts";

/** Every method, by family. Its `name` is the id in the library, on the command line and in reports. */
export const methods: readonly Method[] = [
  gradient,
  inputXGradient,
  smoothGrad,
  smoothGradSquared,
  varGrad,
  integratedGradients,
  guidedBackprop,
  deconvnet,
  cam,
  gradCam,
  gradCamPp,
  wgradCam,
  xGradCam,
  hiresCam,
  layerCam,
  eigenCam,
  scoreCam,
  ablationCam,
  occlusion,
  rise,
  lime,
  xrai,
  meaningfulPerturbation,
  iGos,
  iGosPp,
  sigCam,
  sigCamCoco,
];

/**
 * The method with an id, or the combination `aop:METHOD+OPTIMIZER` of a base method and a mask optimiser. One's own methods
 * are not looked up: `explain` takes them as objects.
 * @throws {@link ParameterError} with the nearest ids if there is none.
 */
export function findMethod(id: string): Method {
  const combination = parseAopName(id);
  if (combination !== undefined) {
    const initial = (name: string): Method | undefined => methods.find((method) => method.name === name);
    return aopMethod(combination.initial, combination.optimizer, { initial, optimizer: findOptimizer });
  }
  const found = methods.find((method) => method.name === id);
  if (found !== undefined) return found;
  const ids = methods.map((method) => method.name);
  throw new ParameterError(
    `method: no method named '${id}'. Nearest: ${nearestNames(id, ids).join(", ")}. There are: ${ids.join(", ")}, and aop:METHOD+OPTIMIZER.`,
  );
}
