/**
 * The core: everything that runs in Node and in a browser alike. `onnx-saliency/node` adds files and ONNX Runtime for Node.
 */
export { explain } from "./methods/explain.ts";
export type {
  Budget,
  Explanation,
  ExplanationRecord,
  ExplainRequest,
  LabelledClass,
} from "./methods/explain.ts";
export { findMethod, methods } from "./methods/index.ts";
export { aop } from "./methods/aop/aop.ts";
export type { AopOptions, GivenMap } from "./methods/aop/aop.ts";
export { perturbationMethod } from "./methods/perturbation/perturbation-method.ts";
export { optimizers } from "./methods/perturbation/optimizers.ts";
export { defineOptimizer } from "./methods/perturbation/optimizer.ts";
export type {
  MaskProblem,
  OptimizationRecord,
  OptimizedMask,
  Optimizer,
} from "./methods/perturbation/optimizer.ts";
export { maskedNetwork } from "./methods/perturbation/masked-network.ts";
export type { MaskedNetwork, MaskedSample } from "./methods/perturbation/masked-network.ts";
export { lossChart } from "./methods/perturbation/loss-chart.ts";
export { defineMethod } from "./methods/define-method.ts";
export type {
  Method,
  MethodContext,
  MethodCost,
  MethodFamily,
  MethodNeeds,
  MethodProgress,
  Paper,
} from "./methods/define-method.ts";
export { describeParams, parseParams, parseTextParams } from "./methods/parameters.ts";
export type { ParameterDescription } from "./methods/parameters.ts";
export { resolveTarget, resolveTargets } from "./methods/target.ts";
export { explainedMethods } from "./methods/explained-model/explained-methods.ts";
export type { ExplainedMethod } from "./methods/explained-model/explained-methods.ts";
export { explainedModel } from "./methods/explained-model/explained-model.ts";
export type { ExplainedModel, ExplainedModelRequest } from "./methods/explained-model/explained-model.ts";

export type { DegenerateReason, Grid, SaliencyMap } from "./image/saliency-map.ts";
export { mapSlice } from "./image/contact-sheet.ts";
export { volumeFigure } from "./image/volume-figure.ts";
export { renderOverlay as overlay } from "./image/overlay.ts";
export type { ColorScale, OverlayOptions } from "./image/overlay.ts";
export { drawingToImage, drawingToSvg } from "./image/drawing.ts";
export type { Drawing, Shape } from "./image/drawing.ts";
export { lineChart } from "./image/line-chart.ts";
export type { ChartPanel, LineChart, LineSeries } from "./image/line-chart.ts";
export { explanationFigure } from "./image/explanation-figure.ts";
export type { ExplanationFigureOptions, MapPanel } from "./image/explanation-figure.ts";
export type { ColorMapName } from "./image/color-map.ts";
export type { RgbaImage } from "./image/rgba-image.ts";
export type { Placement } from "./image/placement.ts";
export type { Normalization } from "./image/normalize.ts";
export { preprocess } from "./image/preprocess.ts";
export type { Preprocess, PreprocessedImage } from "./image/preprocess.ts";
export { parsePreprocess } from "./image/preprocess-schema.ts";

export { probabilities } from "./runtime/model.ts";
export type {
  EvaluationCounts,
  GradientRequest,
  GradientResult,
  Layer,
  Model,
  Program,
  ScoreKind,
  Target,
} from "./runtime/model.ts";
export type { Feeds, Runtime, SerializedModel, Session } from "./runtime/session.ts";
export { checkGradient } from "./runtime/check-gradient.ts";
export type { GradientCheck } from "./runtime/check-gradient.ts";
export type { OverrideContext, RuleOverrides } from "./autodiff/rules.ts";
export { randomStream } from "./random/random-stream.ts";
export type { RandomStream } from "./random/random-stream.ts";

export type { AnyTensor, ElementType, Tensor } from "./tensor/tensor.ts";
export { tensor } from "./tensor/tensor.ts";
export { readNpy, writeNpy } from "./tensor/npy.ts";
export {
  AbortedError,
  DataError,
  ExplainError,
  ModelError,
  ParameterError,
  RuntimeUnavailableError,
  ShapeError,
  UnsupportedOpError,
} from "./errors.ts";
