import { ModelError } from "../../errors.ts";
import { elementCount, type ElementType } from "../../tensor/tensor.ts";
import { floatAttribute, intAttribute, intsAttribute, stringAttribute, type GraphNode } from "../graph.ts";
import { maxKnownElements, type KnownValue } from "../infer-node.ts";

/** The most elements that a value may have: far above any classifier's, far below what overflows a double. */
const maxElements = 2 ** 40;
const maxRank = 64;

/** What an inference rule sees: a node, what is known of its inputs, and short ways to read both. */
export interface InferContext {
  readonly node: GraphNode;
  readonly opset: number;
  readonly inputs: readonly (KnownValue | undefined)[];
  /** An input that must be there. @throws {ModelError} if it is absent. */
  input(index: number): KnownValue;
  /** An input that may be absent. */
  optional(index: number): KnownValue | undefined;
  /** The elements of an input that decide the output's shape. @throws {ModelError} if they are not known. */
  elements(index: number, what: string): readonly number[];
  int(name: string, fallback: number): number;
  float(name: string, fallback: number): number;
  ints(name: string): readonly number[] | undefined;
  text(name: string, fallback: string): string;
  /** Ends inference with a message that names the node. */
  fail(problem: string): never;
}

/** Type, shape and known elements of every output of a node, in order. */
export type InferRule = (context: InferContext) => readonly KnownValue[];

/** Rules by operator name. */
export type InferTable = Readonly<Record<string, InferRule>>;

/** Makes the context in which a rule looks at one node. */
export function inferContext(
  node: GraphNode,
  inputs: readonly (KnownValue | undefined)[],
  opset: number,
): InferContext {
  const fail = (problem: string): never => {
    throw new ModelError(`${node.opType} at node '${node.name}': ${problem}`);
  };
  const input = (index: number): KnownValue => inputs[index] ?? fail(`input ${index} is missing.`);
  return {
    node,
    opset,
    inputs,
    input,
    optional: (index) => inputs[index],
    elements: (index, what) =>
      input(index).value ??
      fail(
        `${what} (input ${index}) is not a constant, so the shape of the output is not known before it runs.`,
      ),
    int: (name, fallback) => intAttribute(node, name, fallback),
    float: (name, fallback) => floatAttribute(node, name, fallback),
    ints: (name) => intsAttribute(node, name),
    text: (name, fallback) => stringAttribute(node, name, fallback),
    fail,
  };
}

/**
 * A value of checked shape. `compute` gives its elements (row-major); it is only called if there are few, so it may
 * allocate. It may return `undefined` where an element is not known.
 * @throws {ModelError} if a dimension is not a sane size.
 */
export function knownValue(
  c: InferContext,
  type: ElementType,
  dims: readonly number[],
  compute?: () => readonly number[] | undefined,
): KnownValue {
  if (dims.length > maxRank) c.fail(`a value of ${dims.length} dimensions; expected at most ${maxRank}.`);
  for (const dim of dims) {
    if (!Number.isInteger(dim) || dim < 0)
      c.fail(`an output shape of [${dims.join(", ")}]; expected sizes of 0 or more.`);
  }
  const count = elementCount(dims);
  if (!(count <= maxElements))
    c.fail(`an output of shape [${dims.join(", ")}] has too many elements to be a classifier's.`);
  const value = compute !== undefined && count <= maxKnownElements ? compute() : undefined;
  return value === undefined ? { type, dims } : { type, dims, value };
}

/** The position of an axis counted from the front. @throws {ModelError} if it is not below the rank. */
export function axisOf(c: InferContext, axis: number, rank: number): number {
  const position = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(position) || position < 0 || position >= Math.max(rank, 1)) {
    c.fail(`axis ${axis} of a value with ${rank} dimensions.`);
  }
  return position;
}

/** A dimension that must exist. */
export function dimOf(c: InferContext, value: KnownValue, axis: number): number {
  return (
    value.dims[axis] ??
    c.fail(`expected at least ${axis + 1} dimensions, got shape [${value.dims.join(", ")}].`)
  );
}

/** The value unchanged in shape and type, elements not known. */
export function sameShape(c: InferContext, index = 0): KnownValue {
  const { type, dims } = c.input(index);
  return knownValue(c, type, dims);
}
