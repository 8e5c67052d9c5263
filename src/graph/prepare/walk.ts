import { atNode, ExplainError, ModelError } from "../../errors.ts";
import { probeBatches, type ProbedValue } from "../graph-builder.ts";
import { inferNode } from "../infer/index.ts";
import type { Attribute, GraphNode, Initializer } from "../graph.ts";
import { batchAffineNodes, batchAxisOf, reshapeTarget, type BatchSource } from "./batch-shape.ts";
import { sharedElements, tensorOf } from "./constants.ts";
import { inlineBranch, inlineCall, type GraphFunction } from "./functions.ts";
import { withBias } from "./missing-bias.ts";
import { isRedundant } from "./redundant.ts";
import { renameReads } from "./subgraph.ts";
import { integersOf, upgradeNode } from "./upgrade.ts";
import { addInitializer, addInts, resolved, uniqueName, type Workspace } from "./workspace.ts";

/** Gives a node another form before it is looked at; used to rewrite models whose batch is fixed. */
export type NodeRewrite = (node: GraphNode, work: Workspace) => GraphNode;

export interface WalkOptions {
  readonly opset: number;
  readonly target: number;
  readonly functions: ReadonlyMap<string, GraphFunction>;
  /** Where the batch size can be read from at run time. */
  readonly batchSource: BatchSource | undefined;
  readonly rewrite?: NodeRewrite | undefined;
  /** What the file itself says of values that cannot be inferred. */
  readonly declared: ReadonlyMap<string, ProbedValue>;
}

interface Pending {
  readonly node: GraphNode;
  readonly opset: number;
  readonly depth: number;
}

const maxDepth = 64;
/** Nodes that may come out of functions, branches and upgrades. */
const maxExpanded = 200_000;
const random: ReadonlySet<string> = new Set([
  "Bernoulli",
  "Multinomial",
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
]);

/**
 * Walks the nodes once in order: expands functions and decided `If`s, upgrades old forms, infers shapes at both probe
 * batch sizes, turns known results into initializers, drops nodes that do nothing, and makes shape operands constant.
 */
export function walk(work: Workspace, nodes: readonly GraphNode[], options: WalkOptions): void {
  const stack: Pending[] = nodes.map((node) => ({ node, opset: options.opset, depth: 0 })).reverse();
  let count = 0;
  for (let pending = stack.pop(); pending !== undefined; pending = stack.pop()) {
    if (pending.depth > 0) count++;
    if (count > maxExpanded || pending.depth > maxDepth) {
      throw new ModelError(
        `${pending.node.opType} at node '${pending.node.name}': functions call each other without end, or give more than ${maxExpanded} nodes. The file is damaged.`,
      );
    }
    const node = renameReads(pending.node, (value) => resolved(work, value));
    atNode(node, () => {
      const expanded = expand(work, { ...pending, node }, options);
      if (expanded === undefined) place(work, node, options);
      else for (const next of expanded.toReversed()) stack.push(next);
    });
  }
}

/** What a node stands for, or `undefined` if it stays one. */
function expand(work: Workspace, pending: Pending, options: WalkOptions): readonly Pending[] | undefined {
  const { node, opset, depth } = pending;
  const as = (nodes: readonly GraphNode[], version: number): readonly Pending[] =>
    nodes.map((next) => ({ node: next, opset: version, depth: depth + 1 }));
  const body = options.functions.get(`${node.domain}:${node.opType}`);
  if (body !== undefined) return as(inlineCall(work, node, body), body.opsets?.get("") ?? opset);
  if (node.opType === "If" && node.domain === "") {
    const condition = work.known.get(node.inputs[0] ?? "");
    const decided = condition === undefined ? undefined : sharedElements(condition)?.[0];
    const branch = node.attributes[decided === 0 ? "else_branch" : "then_branch"];
    if (decided === undefined || branch?.kind !== "graph") return undefined;
    return as(inlineBranch(work, node, branch.value), opset);
  }
  if (node.opType === "Constant" && node.domain === "") {
    const initializer = constantOf(node);
    if (initializer === undefined) return undefined;
    addInitializer(work, initializer);
    return [];
  }
  const upgraded = upgradeNode(node, opset, options.target, work);
  return upgraded === undefined ? undefined : as(upgraded, options.target);
}

/** The initializer that a Constant node stands for; `undefined` for strings and sparse tensors. */
function constantOf(node: GraphNode): Initializer | undefined {
  const [name = ""] = node.outputs;
  const plain = (
    type: "int64" | "float32",
    dims: readonly number[],
    values: readonly number[],
  ): Initializer | undefined => {
    const tensor = tensorOf(type, dims, values);
    return tensor && { name, type, dims, data: { kind: "memory", tensor } };
  };
  const convert = (attribute: Attribute): Initializer | undefined => {
    const integers = integersOf(attribute);
    if (integers !== undefined && integers.length > 0) return plain("int64", [integers.length], integers);
    switch (attribute.kind) {
      case "tensor":
        return { ...attribute.value, name };
      case "int":
        return plain("int64", [], [attribute.value]);
      case "float":
        return plain("float32", [], [attribute.value]);
      case "ints":
        return plain("int64", [attribute.value.length], attribute.value);
      case "floats":
        return plain("float32", [attribute.value.length], attribute.value);
      default:
        return undefined;
    }
  };
  for (const [key, attribute] of Object.entries(node.attributes)) {
    if (key.startsWith("value")) return convert(attribute);
  }
  return undefined;
}

/** Infers a node's outputs; the reason if that fails. */
export function probe(work: Workspace, node: GraphNode, opset: number): readonly ProbedValue[] | string {
  for (const input of node.inputs) {
    if (input === "" || work.known.has(input)) continue;
    return work.unknown.get(input) ?? `The shape of '${input}' is not known.`;
  }
  try {
    const [a, b] = probeBatches.map((_, index) =>
      inferNode(
        node,
        node.inputs.map((input) => work.known.get(input)?.[index]),
        opset,
      ),
    );
    return (a ?? []).flatMap((first, index) => {
      const second = b?.[index];
      return second === undefined ? [] : [[first, second] as const];
    });
  } catch (error) {
    if (error instanceof ExplainError) return error.message;
    throw error;
  }
}

/** Keeps a node, or what is left of it. */
function place(work: Workspace, original: GraphNode, options: WalkOptions): void {
  const node = withBias(work, options.rewrite?.(original, work) ?? original);
  const probed = probe(work, node, options.target);
  if (typeof probed === "string") {
    for (const output of node.outputs) {
      const declared = options.declared.get(output);
      if (declared !== undefined) work.known.set(output, declared);
      else if (output !== "") work.unknown.set(output, probed);
    }
    keep(work, node);
    return;
  }
  node.outputs.forEach((output, index) => {
    const known = probed[index];
    if (output === "") return;
    if (known === undefined)
      work.unknown.set(output, `${node.opType} at node '${node.name}' has no output ${index}.`);
    else work.known.set(output, known);
  });
  if (isRedundant(node, (value) => work.known.get(value))) {
    dropFirstOutput(work, node);
    return;
  }
  if (isFolded(work, node, probed)) return;
  keep(work, withConstantShape(work, node, probed, options));
}

function keep(work: Workspace, node: GraphNode): void {
  work.nodes.push(node);
  const isConstant =
    !random.has(node.opType) &&
    node.inputs.every((input) => input === "" || work.constants.has(input)) &&
    Object.values(node.attributes).every((attribute) => attribute.kind !== "graph");
  if (isConstant) for (const output of node.outputs) if (output !== "") work.constants.add(output);
}

/** Turns the outputs into initializers if all of them are known and the same for every batch size. */
function isFolded(work: Workspace, node: GraphNode, probed: readonly ProbedValue[]): boolean {
  if (random.has(node.opType)) return false;
  const results: Initializer[] = [];
  for (const [index, name] of node.outputs.entries()) {
    const known = probed[index];
    if (name === "") continue;
    const values = known && sharedElements(known);
    const tensor = values && known && tensorOf(known[0].type, known[0].dims, values);
    if (tensor === undefined) return false;
    results.push({ name, type: tensor.type, dims: tensor.dims, data: { kind: "memory", tensor } });
  }
  for (const initializer of results) addInitializer(work, initializer);
  return true;
}

/** Readers of output 0 read input 0 instead. Further outputs (the mask of a Dropout) stay, under a node that may die. */
function dropFirstOutput(work: Workspace, node: GraphNode): void {
  const [input = "", [output = "", ...rest]] = [node.inputs[0], node.outputs];
  work.aliases.set(output, input);
  if (work.constants.has(input)) work.constants.add(output);
  if (rest.every((name) => name === "")) return;
  keep(work, { ...node, outputs: [uniqueName(work, `${output}/unused`), ...rest] });
}

/** A Reshape gets a constant shape; another operand that depends on the batch is computed in two steps. */
function withConstantShape(
  work: Workspace,
  node: GraphNode,
  probed: readonly ProbedValue[],
  options: WalkOptions,
): GraphNode {
  const x = work.known.get(node.inputs[0] ?? "");
  const [y] = probed;
  if (node.opType === "Reshape" && node.domain === "" && x !== undefined && y !== undefined) {
    const target = reshapeTarget(x, y);
    if (target !== undefined) {
      const shape = addInts(work, target, `${node.outputs[0] ?? ""}/shape`);
      return { ...node, inputs: [node.inputs[0] ?? "", shape], attributes: {} };
    }
  }
  // Inside shape code (small known integers) nothing is gained: the chain dies with its last reader.
  const isShapeCode = probed.every(
    ([a]) => a.value !== undefined && a.type === "int64" && a.dims.length <= 1,
  );
  if (isShapeCode) return node;
  const inputs = node.inputs.map((input, index) => {
    const known = work.known.get(input);
    const source = nearestSource(work, node, index) ?? options.batchSource;
    if (known === undefined || source === undefined) return input;
    const computed = batchAffineNodes(work, known, source);
    if (computed === undefined) return input;
    for (const step of computed.nodes) {
      const result = probe(work, step, options.target);
      if (typeof result !== "string" && result[0] !== undefined)
        work.known.set(step.outputs[0] ?? "", result[0]);
      work.nodes.push(step);
    }
    return computed.value;
  });
  return inputs.every((input, index) => input === node.inputs[index]) ? node : { ...node, inputs };
}

/** The node's own data, if that has the batch as an axis: then the graph can be cut before it. */
function nearestSource(work: Workspace, node: GraphNode, index: number): BatchSource | undefined {
  const [data = ""] = node.inputs;
  const axis = index === 0 ? undefined : batchAxisOf(work.known.get(data));
  return axis === undefined ? undefined : { value: data, axis };
}
