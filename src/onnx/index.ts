/** `onnx-saliency/onnx`: ONNX files to graphs and back, weights left where they are. */
export { readModel } from "./read.ts";
export type { ReadModelOptions } from "./read.ts";
export { writeModel } from "./write.ts";
export type { WritableModel, WrittenModel } from "./write.ts";
export { fetchInitializer } from "./initializer.ts";
export type { ModelFile, OnnxFunction, OnnxModel } from "./model.ts";
export type {
  Attribute,
  Attributes,
  Dim,
  Graph,
  GraphNode,
  Initializer,
  InitializerData,
  Shape,
  ValueInfo,
} from "../graph/graph.ts";
