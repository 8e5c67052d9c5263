import type { AnyTensor, ElementType } from "../tensor/tensor.ts";

/**
 * A dimension: a number, or the name of a symbol. After shape analysis the only symbols left are multiples of the
 * batch size: `"batch"`, or `"64*batch"` where an axis holds 64 windows or heads an image.
 */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** What is known about a value: element type and, if known, shape. */
export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  /** `undefined`: unknown rank. An entry of `""` is an unknown dimension without a name. */
  readonly dims: Shape | undefined;
  /** Only where the value is not a dense tensor of a stated type; `type` then means nothing. */
  readonly nonTensor?: "sequence" | "map" | "optional" | "sparse" | "opaque" | "untyped";
  /** What the value was read from, for fields that this interface does not name. Only the writer looks inside. */
  readonly proto?: unknown;
}

/** An attribute of a node. int64 values are numbers where they are safe integers (all that occur in practice). */
export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: Initializer }
  | { readonly kind: "graph"; readonly value: Graph }
  /** Anything else (sparse tensors, type protos, reference attributes): kept for writing, opaque to us. */
  | { readonly kind: "opaque"; readonly proto: unknown };

export type Attributes = Readonly<Record<string, Attribute>>;

/** One operation. `""` in inputs or outputs means "absent", as in ONNX. */
export interface GraphNode {
  readonly name: string;
  readonly opType: string;
  /** `""` is the standard domain (`ai.onnx` is read as `""`). */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  readonly docString?: string;
  /** What the node was read from, for fields that this interface does not name. Only the writer looks inside. */
  readonly proto?: unknown;
}

/** Where the bytes of an initializer are. */
export type InitializerData =
  /** In memory: a typed array, possibly a view of the file. */
  | { readonly kind: "memory"; readonly tensor: AnyTensor }
  /** In a file: never loaded unless asked for. `location` names the file as ONNX Runtime will be told it. */
  | {
      readonly kind: "external";
      readonly location: string;
      readonly offset: number;
      readonly length: number;
    };

/** A constant of the graph, usually a weight. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: InitializerData;
  readonly docString?: string;
  /** What the tensor was read from, for fields that this interface does not name. Only the writer looks inside. */
  readonly proto?: unknown;
}

/** A model's graph, free of protobuf. Nodes are in topological order. Treated as immutable by every pass. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly GraphNode[];
  readonly initializers: ReadonlyMap<string, Initializer>;
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  readonly docString?: string;
  /** What the graph was read from (sparse initializers, quantization annotations). Only the writer looks inside. */
  readonly proto?: unknown;
}

/** The name of the symbolic batch dimension in every graph that we make. */
export const batchSymbol = "batch";

/** The dimension that is `factor` times the batch size. */
export function batchMultiple(factor: number): Dim {
  return factor === 1 ? batchSymbol : `${factor}*${batchSymbol}`;
}

/** The factor of a batch-dependent dimension (`"64*batch"` gives 64), or `undefined` for any other symbol or a number. */
export function batchFactor(dim: Dim): number | undefined {
  if (typeof dim === "number") return undefined;
  if (dim === batchSymbol) return 1;
  const match = /^(\d+)\*batch$/.exec(dim);
  return match ? Number(match[1]) : undefined;
}

/** The size of a dimension for a given batch size, or `undefined` for an unknown symbol. */
export function concreteDim(dim: Dim, batch: number): number | undefined {
  if (typeof dim === "number") return dim;
  const factor = batchFactor(dim);
  return factor === undefined ? undefined : factor * batch;
}

/** An int attribute, or the fallback. */
export function intAttribute(node: Pick<GraphNode, "attributes">, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === "int" ? attribute.value : fallback;
}

/** A float attribute, or the fallback. */
export function floatAttribute(node: Pick<GraphNode, "attributes">, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === "float" || attribute?.kind === "int" ? attribute.value : fallback;
}

/** A list of ints, or `undefined`. */
export function intsAttribute(
  node: Pick<GraphNode, "attributes">,
  name: string,
): readonly number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === "ints" ? attribute.value : undefined;
}

/** A string attribute, or the fallback. */
export function stringAttribute(node: Pick<GraphNode, "attributes">, name: string, fallback: string): string {
  const attribute = node.attributes[name];
  return attribute?.kind === "string" ? attribute.value : fallback;
}
