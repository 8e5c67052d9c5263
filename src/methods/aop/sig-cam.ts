import { wgradCam } from "../activation/wgrad-cam.ts";
import { iGosOptimizer } from "../perturbation/i-gos.ts";
import { aop } from "./aop.ts";

/**
 * SIGCAM (methods.md 8.3): WGradCAM of the logit, filtered at 0.7 and scaled by 0.15, optimised by I-GOS with a baseline blur that
 * grows over the first 5 of 15 iterations.
 */
export const sigCam = aop({
  name: "sigcam",
  title: "SIGCAM",
  summary: "WGradCAM optimised by I-GOS: the paper's method",
  initial: wgradCam,
  optimizer: iGosOptimizer,
});

/** SIGCAM with the paper's settings for COCO: theta 0.6, lambda 0.25. */
export const sigCamCoco = aop({
  name: "sigcam-coco",
  title: "SIGCAM (COCO settings)",
  summary: "SIGCAM with the filter of the paper's COCO experiments",
  initial: wgradCam,
  optimizer: iGosOptimizer,
  defaults: { theta: 0.6, lambda: 0.25 },
});
