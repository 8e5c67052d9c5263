import { atNode, ModelError, UnsupportedOpError } from "../errors.ts";
import type { GraphBuilder } from "../graph/graph-builder.ts";
import type { GraphNode, Shape } from "../graph/graph.ts";
import { valuesRead } from "../graph/prepare/subgraph.ts";
import type { ElementType } from "../tensor/tensor.ts";
import { layoutPinner } from "./blocked-layout.ts";
import { differentiableOutputs, isFloat } from "./differentiable-outputs.ts";
import type { OverrideContext, RuleOverrides, Vjp, VjpContext, VjpThunk } from "./rules.ts";
import { unsupported } from "./vjps/axes.ts";
import { vjps } from "./vjps/index.ts";

export interface DifferentiateRequest {
  /** Float values whose cotangents become graph inputs. */
  readonly of: readonly string[];
  /** Float values (graph inputs or intermediate values) whose gradients become graph outputs. */
  readonly wrt: readonly string[];
  /** Replaced rules, by operator type or `node:NAME`. */
  readonly rules?: RuleOverrides;
}

export interface Differentiated {
  /** Name of the graph input that takes the cotangent of each value of `of`; its shape is the value's. */
  readonly cotangents: Readonly<Record<string, string>>;
  /** Name of the graph output that holds the gradient of each value of `wrt`; its shape is the value's. */
  readonly gradients: Readonly<Record<string, string>>;
}

/**
 * Appends the reverse pass of the graph in the builder: for cotangents c of the values `of`, the outputs
 * `gradient:NAME` hold `sum over of (d of / d wrt)^T c`. Only nodes between `wrt` and `of` are visited, so weights cost
 * nothing and a late layer costs almost nothing. A value that `of` does not depend on gets zeros.
 *
 * @throws UnsupportedOpError if an operator on the path has no gradient rule.
 */
export function differentiate(g: GraphBuilder, request: DifferentiateRequest): Differentiated {
  g.setPrefix("gradient");
  const nodes = [...g.allNodes];
  for (const value of request.of) requireFloat(g, value);
  for (const value of request.wrt) if (!standsForReal(g, nodes, value)) requireFloat(g, value);
  const active = activeValues(g, nodes, request.wrt);
  const useful = ancestors(nodes, request.of);

  requireRules(nodes, active, request.of);

  const sums = cotangentSums(g);
  const cotangents: Record<string, string> = {};
  for (const value of request.of) {
    const name = g.input(`cotangent:${value}`, g.dims(value), g.type(value));
    cotangents[value] = name;
    sums.contribute(value, name);
  }
  walkBack(g, { nodes, active, useful, rules: request.rules ?? {} }, sums);

  const gradients: Record<string, string> = {};
  for (const value of request.wrt) {
    const sum = sums.total(value);
    const full = sum === undefined ? zerosLike(g, value) : g.expand(sum, g.dims(value), value);
    gradients[value] = g.output(full, `gradient:${value}`);
  }
  return { cotangents, gradients };
}

/**
 * Meets operators without a rule before anything else: behind them shapes may be unknown, and what that breaks first would
 * name the wrong culprit.
 */
function requireRules(nodes: readonly GraphNode[], active: ReadonlySet<string>, of: readonly string[]): void {
  const reached = new Set(of);
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => reached.has(output) && active.has(output))) continue;
    const read = valuesRead(node);
    if (!read.some((value) => active.has(value))) continue;
    ruleOf(node);
    for (const value of read) if (active.has(value)) reached.add(value);
  }
}

/** The cotangents that values have received so far. */
interface CotangentSums {
  contribute(value: string, cotangent: string): void;
  has(value: string): boolean;
  /** Their sum, or `undefined` if there is none. */
  total(value: string): string | undefined;
}

function cotangentSums(g: GraphBuilder): CotangentSums {
  const parts = new Map<string, string[]>();
  return {
    contribute(value, cotangent) {
      const list = parts.get(value);
      if (list === undefined) parts.set(value, [cotangent]);
      else list.push(cotangent);
    },
    has: (value) => parts.has(value),
    total(value) {
      const list = parts.get(value);
      if (list === undefined) return undefined;
      // Smaller cotangents first: they are added while they are still small.
      const sizes = new Map(list.map((name) => [name, sizeOf(g.dims(name))]));
      const sum = [...list]
        .sort((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0))
        .reduce((a, b) => g.add(a, b));
      parts.set(value, [sum]);
      return sum;
    },
  };
}

/** The part of a graph that is walked. */
interface Path {
  readonly nodes: readonly GraphNode[];
  /** Values that depend on what is differentiated. */
  readonly active: ReadonlySet<string>;
  /** Values that the outputs depend on. */
  readonly useful: ReadonlySet<string>;
  readonly rules: RuleOverrides;
}

/** Visits nodes from the last to the first and hands the cotangents of their outputs to their inputs. */
function walkBack(g: GraphBuilder, { nodes, active, useful, rules }: Path, sums: CotangentSums): void {
  const pin = layoutPinner(g);
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => sums.has(output) && useful.has(output))) continue;
    const needs = node.inputs.map((input) => input !== "" && active.has(input));
    if (!needs.includes(true) || !node.outputs.some((output) => active.has(output))) continue;
    const received = node.outputs.map((output) => {
      const sum = output === "" ? undefined : sums.total(output);
      return sum !== undefined && isFork(node, needs) ? pin(sum, output) : sum;
    });
    atNode(node, () => visit(g, node, received, needs, rules)).forEach((cotangent, index) => {
      const input = node.inputs[index];
      if (cotangent !== undefined && input !== undefined) sums.contribute(input, cotangent);
    });
  }
}

/** The thunks of a composite operator from those of the nodes that compute it. */
function compositeThunks(
  g: GraphBuilder,
  node: GraphNode,
  needs: readonly boolean[],
  cotangents: readonly (string | undefined)[],
  rules: RuleOverrides,
  build: () => readonly string[],
): readonly (VjpThunk | undefined)[] {
  let sums: CotangentSums | undefined;
  const walked = (): CotangentSums => {
    if (sums !== undefined) return sums;
    sums = cotangentSums(g);
    const start = g.allNodes.length;
    const outputs = build();
    const nodes = g.allNodes.slice(start);
    for (const [index, output] of outputs.entries()) {
      const cotangent = cotangents[index];
      if (cotangent !== undefined && output !== "") sums.contribute(output, cotangent);
    }
    const missed = cotangents.findIndex((cotangent, index) => cotangent !== undefined && !outputs[index]);
    if (missed >= 0) throw unsupported(node, `its output ${missed}`);
    const wanted = node.inputs.filter((_, index) => needs[index] === true);
    walkBack(
      g,
      { nodes, active: activeValues(g, nodes, wanted), useful: ancestors(nodes, outputs), rules },
      sums,
    );
    return sums;
  };
  // A value that is several inputs has the sum for all of them.
  return node.inputs.map((input, index) =>
    node.inputs.indexOf(input) === index ? () => walked().total(input) ?? g.filledLike(input) : undefined,
  );
}

/** The cotangents of a node's inputs; `undefined` where not wanted or not differentiable. */
function visit(
  g: GraphBuilder,
  node: GraphNode,
  cotangents: readonly (string | undefined)[],
  needs: readonly boolean[],
  overrides: RuleOverrides,
): readonly (string | undefined)[] {
  const rule = ruleOf(node);
  const first = cotangents.find((cotangent) => cotangent !== undefined) ?? "";
  const contextFor = (dy: string): VjpContext => ({
    g,
    node,
    inputs: node.inputs,
    x: node.inputs[0] ?? "",
    outputs: node.outputs,
    y: node.outputs[0] ?? "",
    dy,
    cotangents,
    needs,
    overrides,
    full: (cotangent, output = 0) => {
      const value = node.outputs[output] ?? "";
      return g.expand(cotangent, g.dims(value), value);
    },
    sumTo: (cotangent, input) => sumTo(g, cotangent, node.outputs[0] ?? "", node.inputs[input] ?? ""),
    composite: (build) => {
      const received = cotangents.map((value, index) => (index === 0 && value !== undefined ? dy : value));
      return compositeThunks(g, node, needs, received, overrides, build);
    },
  });
  const context = contextFor(cotangents[0] ?? first);
  const override = overrides[`node:${node.name}`] ?? overrides[node.opType];
  if (override === undefined) {
    const thunks = rule(context);
    return node.inputs.map((_, index) => (needs[index] === true ? thunks[index]?.() : undefined));
  }
  const overrideContext: OverrideContext = {
    ...context,
    defaultVjp: (dy) => {
      const thunk = rule(contextFor(dy))[0];
      if (thunk === undefined)
        throw new UnsupportedOpError(
          `${node.opType} at node '${node.name}': no gradient for its first input.`,
        );
      return thunk();
    },
  };
  const others = needs.slice(1).includes(true) ? rule(context) : [];
  return node.inputs.map((_, index) => {
    if (needs[index] !== true) return undefined;
    return index === 0 ? override(overrideContext) : others[index]?.();
  });
}

/** An addition that hands its gradient to two branches, as at the end of a residual block. */
function isFork(node: GraphNode, needs: readonly boolean[]): boolean {
  return node.opType === "Add" && needs.filter(Boolean).length > 1;
}

function ruleOf(node: GraphNode): Vjp {
  const key = node.domain === "" ? node.opType : `${node.domain}:${node.opType}`;
  const rule = vjps[key];
  if (rule !== undefined) return rule;
  if (node.domain === "ai.onnx.ml") {
    const why = node.opType.startsWith("TreeEnsemble")
      ? "trees answer in steps, so their gradient is 0 or does not exist"
      : "no gradient rule for this operator, so gradient methods cannot pass it";
    throw new UnsupportedOpError(
      `${key} at node '${node.name}': ${why}. Use a forward-only method: rise, occlusion, lime.`,
    );
  }
  throw new UnsupportedOpError(
    `${key} at node '${node.name}': no gradient rule for this operator, so gradient methods cannot pass it. ` +
      (node.domain === "com.microsoft.nchwc"
        ? "The file was optimised for one kind of processor; explain the file that it was made from, or save it with the optimisation level 'extended'."
        : "Choose a layer after it, or use a forward-only method: rise, score-cam, occlusion, lime."),
  );
}

/** Values that depend on `wrt` through differentiable operators. */
function activeValues(
  g: GraphBuilder,
  nodes: readonly GraphNode[],
  wrt: readonly string[],
): ReadonlySet<string> {
  const active = new Set(wrt);
  for (const node of nodes) {
    if (!valuesRead(node).some((value) => active.has(value))) continue;
    for (const output of differentiableOutputs(node, (value) => (g.has(value) ? g.type(value) : undefined)))
      active.add(output);
  }
  return active;
}

function ancestors(nodes: readonly GraphNode[], of: readonly string[]): ReadonlySet<string> {
  const found = new Set(of);
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => found.has(output))) continue;
    for (const value of valuesRead(node)) found.add(value);
  }
  return found;
}

/** Sums a cotangent of `output` over the axes along which `input` was broadcast to it. */
function sumTo(g: GraphBuilder, cotangent: string, output: string, input: string): string {
  const full = g.dims(output);
  const target = g.dims(input);
  const lead = full.length - target.length;
  const axes = full.flatMap((dim, axis) =>
    axis < lead || (target[axis - lead] === 1 && dim !== 1) ? [axis] : [],
  );
  if (axes.length === 0) return cotangent;
  // A cotangent that is still small on a summed axis stands for `dim` equal entries.
  let value = cotangent;
  const dimsOf = (): Shape => {
    const dims = g.dims(value);
    return [...Array.from({ length: full.length - dims.length }, () => 1), ...dims];
  };
  const small = axes.filter((axis) => dimsOf()[axis] === 1 && full[axis] !== 1);
  if (small.some((axis) => typeof full[axis] !== "number")) value = g.expand(value, full, output);
  else for (const axis of small) value = g.mul(value, Number(full[axis]));
  const missing = full.length - g.rank(value);
  const present = dimsOf();
  const summed = axes.filter((axis) => axis >= missing && present[axis] !== 1).map((axis) => axis - missing);
  const reduced = g.reduce("ReduceSum", value, summed);
  const dims = [...Array.from({ length: full.length - g.rank(reduced) }, () => 1), ...g.dims(reduced)];
  return g.reshape(reduced, dims.slice(lead));
}

function sizeOf(dims: Shape): number {
  return dims.reduce<number>((size, dim) => size * (typeof dim === "number" ? dim : 1), 1);
}

/** True for integers of quantised arithmetic: their gradient is that of the real numbers. */
function standsForReal(g: GraphBuilder, nodes: readonly GraphNode[], value: string): boolean {
  const producer = nodes.find((node) => node.outputs.includes(value));
  const typeOf = (name: string): ElementType | undefined => (g.has(name) ? g.type(name) : undefined);
  return producer !== undefined && g.has(value) && differentiableOutputs(producer, typeOf).includes(value);
}

function zerosLike(g: GraphBuilder, value: string): string {
  const type = g.type(value);
  return isFloat(type) ? g.filledLike(value) : g.filledLike(g.cast(value, "float32"));
}

function requireFloat(g: GraphBuilder, value: string): void {
  if (!g.has(value))
    throw new ModelError(`Value '${value}': not in the graph, or its shape could not be found.`);
  if (!isFloat(g.type(value)))
    throw new ModelError(`Value '${value}': expected a float type to differentiate, got ${g.type(value)}.`);
}
