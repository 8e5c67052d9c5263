/** `onnx-saliency/autodiff`: gradients of any ONNX model as more ONNX graph. */
export { differentiateModel } from "./differentiate-model.ts";
export type { DifferentiatedModel, DifferentiateModelRequest } from "./differentiate-model.ts";
export { differentiate } from "./differentiate.ts";
export type { Differentiated, DifferentiateRequest } from "./differentiate.ts";
export { elementwise, unary } from "./rules.ts";
export type { OverrideContext, RuleOverrides, Vjp, VjpContext, VjpTable, VjpThunk } from "./rules.ts";
export { nonDifferentiableOps } from "./non-differentiable.ts";
export { vjps } from "./vjps/index.ts";
export { checkVjp } from "./check-vjp.ts";
export type { Evaluate, VjpCaseOptions, VjpOperand } from "./check-vjp.ts";
export { GraphBuilder } from "../graph/graph-builder.ts";
export type { PlainAttributes } from "../graph/graph-builder.ts";
export { prepareGraph } from "../graph/prepare/index.ts";
