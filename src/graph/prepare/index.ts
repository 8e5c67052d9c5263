import { batchSymbol, concreteDim, type Graph, type Shape, type ValueInfo } from "../graph.ts";
import { probeBatches, type ProbedValue } from "../graph-builder.ts";
import type { KnownValue } from "../infer-node.ts";
import { shapeOf } from "./batch-shape.ts";
import { liveNodes } from "./dead-nodes.ts";
import type { GraphFunction } from "./functions.ts";
import { nestConcats } from "./nest-concats.ts";
import { orderedNodes } from "./order.ts";
import { restoreOutputs } from "./outputs.ts";
import { assertReadableOpset } from "./upgrade.ts";
import { walk, type NodeRewrite } from "./walk.ts";
import { addInitializer, type Workspace } from "./workspace.ts";

export type { GraphFunction } from "./functions.ts";

export interface PrepareOptions {
  /**
   * The shape of each graph input, numbers and the symbol `"batch"`. An input that is not named here keeps the shape of
   * the file, if that is of the same kind.
   */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Functions that the model defines, by `domain:name` (see `OnnxModel.functions`). */
  readonly functions?: ReadonlyMap<string, GraphFunction>;
  /** Opset versions by domain. Only the standard domain's (`""`) has an effect, and the `opset` argument goes before it. */
  readonly opsets?: ReadonlyMap<string, number>;
  /** Values to keep besides the graph outputs. */
  readonly wanted?: readonly string[];
  /** Gives nodes another form on the way; used for models whose batch is fixed. */
  readonly rewrite?: NodeRewrite;
}

/** A graph in one canonical form, with the shape of every value that can be known. */
export interface PreparedGraph {
  readonly graph: Graph;
  /** 17 or newer. */
  readonly opset: number;
  /** Type, shape and small elements of values at the two probe batch sizes, those of dropped values included. */
  readonly known: ReadonlyMap<string, ProbedValue>;
  /** Why the shape of a value is not known. */
  readonly unknown: ReadonlyMap<string, string>;
  /** Values that depend on initializers only (weights, position codes, masks), however large. */
  readonly constants: ReadonlySet<string>;
  /** Names of the file that are no longer in the graph, and the value that each of them equals. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** The oldest opset that has all operators which a backward graph needs. */
const targetOpset = 17;

/**
 * Brings a model's graph into the form that differentiation works on: functions and decided `If`s inlined, operators in
 * their form of opset 17 or newer, shapes known, shape code and other small constants folded, nodes that do nothing
 * dropped, Concats nested, dead nodes removed. Operators that cannot be followed are kept; `unknown` says why.
 *
 * @param opset version of the standard domain that the model imports
 * @throws {ModelError} for opset 6 and older, and for a graph that cannot be ordered
 */
export function prepareGraph(graph: Graph, opset: number, options: PrepareOptions): PreparedGraph {
  assertReadableOpset(opset);
  const functions = options.functions ?? new Map<string, GraphFunction>();
  const bodies = Array.from(functions.values(), (body) => body.opsets?.get("") ?? 0);
  const target = Math.max(targetOpset, opset, ...bodies);
  // Up to IR version 3 weights are listed as inputs with a default value.
  const inputs = graph.inputs.filter((input) => !graph.initializers.has(input.name));
  const work: Workspace = {
    nodes: [],
    initializers: new Map(),
    known: new Map(),
    unknown: new Map(),
    aliases: new Map(),
    constants: new Set(),
    stems: new Map(),
    names: new Set(graph.nodes.flatMap((node) => [...node.outputs, node.name])),
  };
  for (const [name, initializer] of graph.initializers) addInitializer(work, { ...initializer, name });
  const pinned = inputs.map((input) => pinInput(work, input, options.inputs[input.name]));
  const nodes = orderedNodes(graph);
  const batched = pinned.find(({ dims }) => dims?.includes(batchSymbol));
  walk(work, nodes, {
    opset,
    target,
    functions,
    batchSource:
      batched === undefined
        ? undefined
        : { value: batched.name, axis: batched.dims?.indexOf(batchSymbol) ?? 0 },
    rewrite: options.rewrite,
    declared: declaredValues(graph, inputs, batched !== undefined),
  });
  return finish(work, { ...graph, inputs: pinned }, target, options.wanted ?? []);
}

/**
 * Type and shape that the file states of its values, where that can be told without its symbols: numbers, but for a first
 * axis that is the batch.
 */
function declaredValues(
  graph: Graph,
  inputs: readonly ValueInfo[],
  isBatchFree: boolean,
): ReadonlyMap<string, ProbedValue> {
  const batchNames = new Set(inputs.map((input) => input.dims?.[0]));
  const result = new Map<string, ProbedValue>();
  for (const { name, type, dims, nonTensor } of [...graph.valueInfo.values(), ...graph.outputs]) {
    if (nonTensor !== undefined || dims === undefined) continue;
    const [first, ...rest] = dims;
    const isBatched = isBatchFree && typeof first === "string" && (batchNames.has(first) || dims.length >= 2);
    const sizes = isBatched ? rest : dims;
    if (!sizes.every((size) => typeof size === "number")) continue;
    const [a, b] = probeBatches.map((batch): KnownValue => ({
      type,
      dims: isBatched ? [batch, ...sizes] : sizes,
    }));
    if (a !== undefined && b !== undefined) result.set(name, [a, b]);
  }
  return result;
}

function pinInput(work: Workspace, input: ValueInfo, given: Shape | undefined): ValueInfo {
  const dims = given ?? input.dims;
  const at = (batch: number): KnownValue | undefined => {
    const sizes = dims?.map((dim) => concreteDim(dim, batch));
    return sizes?.every((size) => size !== undefined) ? { type: input.type, dims: sizes } : undefined;
  };
  const [a, b] = [at(probeBatches[0]), at(probeBatches[1])];
  work.names.add(input.name);
  if (a === undefined || b === undefined) {
    const shape = dims === undefined ? "of unknown rank" : `[${dims.join(", ")}]`;
    work.unknown.set(input.name, `Input '${input.name}': its shape ${shape} is not fixed.`);
  } else work.known.set(input.name, [a, b]);
  return { ...input, dims };
}

function finish(work: Workspace, graph: Graph, opset: number, wanted: readonly string[]): PreparedGraph {
  const restored = restoreOutputs(work, graph.outputs);
  const kept = [
    ...graph.outputs.map((output) => output.name),
    ...wanted.map((value) => work.aliases.get(value) ?? value),
  ];
  const live = liveNodes(nestConcats(restored), kept);
  const initializers = new Map([...work.initializers].filter(([name]) => live.read.has(name)));
  const info = (name: string): ValueInfo | undefined => {
    const known = work.known.get(name);
    const dims = known && shapeOf(known);
    return known && dims && { name, type: known[0].type, dims };
  };
  const outer = new Set([...graph.inputs, ...graph.outputs].map((value) => value.name));
  const valueInfo = new Map<string, ValueInfo>();
  for (const name of live.nodes.flatMap((node) => node.outputs)) {
    const entry = outer.has(name) ? undefined : info(name);
    if (entry !== undefined) valueInfo.set(name, entry);
  }
  return {
    graph: {
      ...graph,
      nodes: live.nodes,
      initializers,
      outputs: graph.outputs.map((output) => info(output.name) ?? output),
      valueInfo,
    },
    opset,
    known: work.known,
    unknown: work.unknown,
    constants: work.constants,
    aliases: work.aliases,
  };
}
