import { wgradCam } from "../activation/wgrad-cam.ts";
import { iGosOptimizer } from "../perturbation/i-gos.ts";
import { aop } from "./aop.ts";

/**
 * SIGCAM: WGradCAM of the logit, filtered at 0.7 and scaled by 0.15, optimised by I-GOS with a baseline blur that
 * grows over the first iterations. `preset=paper` is what the paper ran: 15 iterations with 20 points each on a mask of 28 x 28;
 * the default, `fast`, takes a seventh of the gradients on a finer mask.
 */
export const sigCam = aop({
  name: "sigcam",
  title: "SIGCAM",
  summary: "WGradCAM optimised by I-GOS: the method of the paper.",
  initial: wgradCam,
  optimizer: iGosOptimizer,
});

/** SIGCAM as the paper ran it on COCO: preset `paper`, theta 0.6, lambda 0.25. */
export const sigCamCoco = aop({
  name: "sigcam-coco",
  title: "SIGCAM (COCO settings)",
  summary: "SIGCAM with the settings of the paper's COCO experiments.",
  initial: wgradCam,
  optimizer: iGosOptimizer,
  defaults: { preset: "paper", theta: 0.6, lambda: 0.25 },
});
