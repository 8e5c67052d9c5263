import { ModelError } from "../errors.ts";
import {
  TensorProto_DataLocation,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from "./generated/onnx-ml_pb.ts";

/** Where the content of a tensor lies outside the model. */
export interface ExternalData {
  readonly location: string;
  readonly offset: number;
  /** `undefined`: to the end of the file. */
  readonly length: number | undefined;
}

/** The external data entries of a tensor, checked. Throws `ModelError` for a location outside the model's folder. */
export function externalDataOf(proto: TensorProto): ExternalData {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const where = `tensor '${proto.name}'`;
  const location = normalizeLocation(entries.get("location") ?? "", where);
  // ONNX Runtime compares locations as text, so the message that is written again must say the same.
  for (const entry of proto.externalData) if (entry.key === "location") entry.value = location;
  const offset = byteCount(entries.get("offset") ?? "0", `${where}: offset`);
  const length = entries.get("length");
  return {
    location,
    offset,
    length: length === undefined ? undefined : byteCount(length, `${where}: length`),
  };
}

/**
 * A location with forward slashes and without `./`. Only names inside the model's folder pass: a model file must not
 * make us read other files of the machine.
 */
function normalizeLocation(location: string, where: string): string {
  const parts = location.split(/[/\\]/).filter((part) => part !== "" && part !== ".");
  const isAbsolute = /^[/\\]|^[A-Za-z]:|^[a-z]+:\/\//.test(location);
  if (parts.length === 0 || isAbsolute || parts.includes("..") || location.includes("\0")) {
    throw new ModelError(
      `${where}: expected external data in the model's folder, got location '${location.slice(0, 200)}'. ` +
        "Absolute paths and '..' are refused; save the model again with its data beside it.",
    );
  }
  return parts.join("/");
}

function byteCount(text: string, where: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new ModelError(
      `${where}: expected a number of bytes, got '${text.slice(0, 40)}'. The file is damaged.`,
    );
  }
  return value;
}

/** Every location that a tensor of the model names, in order of appearance. */
export function locationsOf(model: ModelProto): readonly string[] {
  const locations = new Set<string>();
  forEachTensor(model, (tensor) => {
    if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL)
      locations.add(externalDataOf(tensor).location);
  });
  return [...locations];
}

/** Visits the tensors of a model in which weights can be: initializers and attributes, those of inner graphs too. */
export function forEachTensor(model: ModelProto, visit: (tensor: TensorProto) => void): void {
  const visitAttributes = (attributes: readonly AttributeProto[]): void => {
    for (const attribute of attributes) {
      if (attribute.t !== undefined) visit(attribute.t);
      attribute.tensors.forEach(visit);
      if (attribute.g !== undefined) visitGraph(attribute.g);
      attribute.graphs.forEach(visitGraph);
    }
  };
  const visitGraph = (graph: GraphProto): void => {
    graph.initializer.forEach(visit);
    for (const node of graph.node) visitAttributes(node.attribute);
  };
  if (model.graph !== undefined) visitGraph(model.graph);
  for (const definition of model.functions) {
    visitAttributes(definition.attributeProto);
    for (const node of definition.node) visitAttributes(node.attribute);
  }
}
