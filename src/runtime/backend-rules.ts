import type { RuleOverrides } from "../autodiff/rules.ts";
import { maxPoolUnrolled } from "../autodiff/vjps/max-pooling.ts";

/**
 * Gradient rules that a device needs instead of the standard ones. WebGPU accepts the Indices output of MaxPool when a
 * model is loaded and fails when it runs, so there the windows are compared with their maximum.
 */
export function backendRules(device: string): RuleOverrides {
  return device === "webgpu" ? { MaxPool: maxPoolUnrolled } : {};
}
