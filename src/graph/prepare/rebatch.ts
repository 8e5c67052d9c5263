import type { KnownValue } from "../infer-node.ts";
import { probeBatches, type ProbedValue } from "../graph-builder.ts";
import { batchSymbol, intAttribute, type Graph, type GraphNode, type Shape } from "../graph.ts";
import { outputRole, type BatchRole } from "./batch-role.ts";
import { batchAffineNodes } from "./batch-shape.ts";
import { sharedElements } from "./constants.ts";
import { prepareGraph, type PreparedGraph, type PrepareOptions } from "./index.ts";
import { valuesRead } from "./subgraph.ts";
import { probe } from "./walk.ts";
import { addInts, uniqueName, type Workspace } from "./workspace.ts";

/** A model whose batch was 1 in the file and is free now, or the reason why that cannot be proven to be the same. */
export type Rebatched =
  | { readonly kind: "free"; readonly prepared: PreparedGraph }
  | { readonly kind: "fixed"; readonly reason: string };

/**
 * Prepares a model whose input has the literal batch 1 with a free batch instead. Each value that depends on the image
 * is followed: which axis holds the batch, and that no operator mixes images along it. Literal ones in Reshape and Expand targets,
 * Resize sizes and joined constants are rewritten on the way; at both probe batch sizes every shape must be the one at
 * batch 1 with that one axis scaled. Callers should still compare a stack of two images with the two alone once.
 *
 * @param options `inputs` with 1 as the first entry of each shape that is to become free
 */
export function rebatch(graph: Graph, opset: number, options: PrepareOptions): Rebatched {
  const fixed = prepareGraph(graph, opset, options);
  const free: Record<string, Shape> = {};
  const roles = new Map<string, BatchRole>();
  const broken = new Map<string, string>();
  for (const [name, shape] of Object.entries(options.inputs)) {
    free[name] = shape[0] === 1 ? [batchSymbol, ...shape.slice(1)] : shape;
    if (shape[0] === 1) roles.set(name, { axis: 0, outer: 1 });
  }
  const at1 = (value: string): KnownValue | undefined => fixed.known.get(value)?.[0];
  const rewrite = (node: GraphNode, work: Workspace): GraphNode => {
    if (node.opType === "Shape" || node.opType === "Size") return node;
    const read = valuesRead(node);
    const flawed = read.find((value) => broken.has(value));
    if (flawed !== undefined) {
      for (const output of node.outputs) broken.set(output, broken.get(flawed) ?? "");
      return node;
    }
    if (!read.some((value) => roles.has(value))) return node;
    // A number that depends on the batch size (1 / batch as a factor) would change each image's result.
    const counted = takesShapes.has(node.opType)
      ? undefined
      : node.inputs.find((input) => !roles.has(input) && isBatchNumber(work.known.get(input)));
    if (counted !== undefined) {
      const reason = `${node.opType} at node '${node.name}' computes with the batch size ('${counted}').`;
      for (const output of node.outputs) broken.set(output, reason);
      return node;
    }
    const role = outputRole({
      node,
      roles: node.inputs.map((input) => roles.get(input)),
      // Operands such as axes and pads have their elements; images and features their shape at batch 1.
      inputs: node.inputs.map((input) => at1(input) ?? work.known.get(input)?.[0]),
      outputs: node.outputs.map(at1),
      opset: fixed.opset,
    });
    const changed = role === undefined ? node : withFreeBatch(work, node, role, roles, at1, fixed.opset);
    const problem =
      role === undefined
        ? "mixes or drops the images of a batch"
        : mismatch(work, changed, role, at1, fixed.opset);
    for (const output of node.outputs) {
      if (output === "") continue;
      if (problem !== undefined) broken.set(output, `${node.opType} at node '${node.name}' ${problem}.`);
      else if (role !== undefined) roles.set(output, role);
    }
    return changed;
  };
  const prepared = prepareGraph(graph, opset, { ...options, inputs: free, rewrite });
  for (const { name } of graph.outputs) {
    const value = originalOf(prepared, name, roles, broken);
    const role = roles.get(value);
    const dims = at1(name)?.dims;
    const reason = broken.get(value) ?? prepared.unknown.get(value);
    if (reason !== undefined) return { kind: "fixed", reason };
    if (role?.axis !== 0 || role.outer !== 1 || dims?.[0] !== 1) {
      return { kind: "fixed", reason: `Output '${name}' does not have the batch as its first axis.` };
    }
  }
  return { kind: "free", prepared };
}

/** Operators whose integer operands say where, not how much. */
const takesShapes: ReadonlySet<string> = new Set([
  "Expand",
  "Pad",
  "Reshape",
  "Resize",
  "Slice",
  "Split",
  "Tile",
]);

function isBatchNumber(probed: ProbedValue | undefined): boolean {
  return probed?.[0].value !== undefined && sharedElements(probed) === undefined;
}

/** The name under which an output was followed: outputs that equal another value may have been renamed. */
function originalOf(
  prepared: PreparedGraph,
  name: string,
  roles: ReadonlyMap<string, BatchRole>,
  broken: ReadonlyMap<string, string>,
): string {
  if (roles.has(name) || broken.has(name)) return name;
  for (const [old, current] of prepared.aliases)
    if (current === name && (roles.has(old) || broken.has(old))) return old;
  const copied = prepared.graph.nodes.find((node) => node.outputs[0] === name && node.opType === "Identity");
  return copied?.inputs[0] ?? name;
}

/** What is wrong with a node's shapes at the probe batch sizes, if something is. */
function mismatch(
  work: Workspace,
  node: GraphNode,
  role: BatchRole,
  at1: (value: string) => KnownValue | undefined,
  opset: number,
): string | undefined {
  const probed = probe(work, node, opset);
  if (typeof probed === "string") return `does not work with more than one image (${probed})`;
  for (const [index, output] of node.outputs.entries()) {
    if (output === "") continue;
    const single = at1(output)?.dims;
    const isScaled = probeBatches.every((batch, which) => {
      const dims = probed[index]?.[which]?.dims;
      return (
        dims !== undefined &&
        dims.length === single?.length &&
        dims.every((dim, axis) => dim === (single?.[axis] ?? 0) * (axis === role.axis ? batch : 1))
      );
    });
    if (!isScaled) return "has the batch size 1 written into it";
  }
  return undefined;
}

/** The node with literal ones replaced where they stand for the batch. */
function withFreeBatch(
  work: Workspace,
  node: GraphNode,
  role: BatchRole,
  roles: ReadonlyMap<string, BatchRole>,
  at1: (value: string) => KnownValue | undefined,
  opset: number,
): GraphNode {
  const [x = ""] = node.inputs;
  const y = at1(node.outputs[0] ?? "");
  if (y === undefined) return node;
  if (node.opType === "Reshape" || node.opType === "Flatten") {
    const shape = addInts(work, y.dims.with(role.axis, -1), `${node.outputs[0] ?? ""}/shape`);
    return { ...node, opType: "Reshape", inputs: [x, shape], attributes: {} };
  }
  if (node.opType === "Resize" && (node.inputs[3] ?? "") !== "" && node.attributes["axes"] === undefined) {
    const sizes = batchList(work, y.dims, 0, { value: x, axis: 0 }, opset);
    return { ...node, inputs: node.inputs.with(3, sizes) };
  }
  // Expand takes the larger of two sizes, so 1 leaves the batch as it is.
  if (node.opType === "Expand" && at1(x)?.dims.at(role.axis - y.dims.length) === y.dims[role.axis]) {
    const shape = addInts(work, y.dims.with(role.axis, 1), `${node.outputs[0] ?? ""}/shape`);
    return { ...node, inputs: [x, shape] };
  }
  if (node.opType === "Concat") return withExpandedParts(work, node, role, roles, at1, opset);
  return node;
}

/** Constant parts (a class token of shape [1, 1, C]) are repeated for each image. */
function withExpandedParts(
  work: Workspace,
  node: GraphNode,
  role: BatchRole,
  roles: ReadonlyMap<string, BatchRole>,
  at1: (value: string) => KnownValue | undefined,
  opset: number,
): GraphNode {
  const source = node.inputs.find((input) => roles.has(input)) ?? "";
  const isPlain = role.outer === 1 && at1(source)?.dims[role.axis] === 1;
  const axis = intAttribute(node, "axis", 1);
  const position = axis < 0 ? axis + (at1(source)?.dims.length ?? 0) : axis;
  if (!isPlain || position === role.axis) return node;
  const inputs = node.inputs.map((input) => {
    const dims = work.known.get(input)?.[0].dims;
    if (roles.has(input) || dims?.[role.axis] !== 1) return input;
    const target = batchList(work, dims, role.axis, { value: source, axis: role.axis }, opset);
    const output = uniqueName(work, `${input}/each`);
    append(
      work,
      {
        name: output,
        opType: "Expand",
        domain: "",
        inputs: [input, target],
        outputs: [output],
        attributes: {},
      },
      opset,
    );
    return output;
  });
  return { ...node, inputs };
}

/** An integer list that is `dims` with one entry multiplied by the batch size at run time. */
function batchList(
  work: Workspace,
  dims: readonly number[],
  axis: number,
  source: { readonly value: string; readonly axis: number },
  opset: number,
): string {
  const at = (batch: number): KnownValue => ({
    type: "int64",
    dims: [dims.length],
    value: dims.map((dim, index) => (index === axis ? dim * batch : dim)),
  });
  const probed: ProbedValue = [at(probeBatches[0]), at(probeBatches[1])];
  const computed = batchAffineNodes(work, probed, source);
  if (computed === undefined) return addInts(work, dims, `${source.value}/dims`);
  for (const step of computed.nodes) append(work, step, opset);
  return computed.value;
}

function append(work: Workspace, node: GraphNode, opset: number): void {
  const probed = probe(work, node, opset);
  const [known] = typeof probed === "string" ? [] : probed;
  if (known !== undefined) work.known.set(node.outputs[0] ?? "", known);
  work.nodes.push(node);
}
