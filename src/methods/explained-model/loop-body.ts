import { ModelError } from "../../errors.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Graph, GraphNode, Initializer } from "../../graph/graph.ts";
import { liveNodes } from "../../graph/prepare/dead-nodes.ts";
import type { Network } from "../../runtime/network.ts";

/** A node that goes into the finished graph at a position, with the constants that it brings. */
export interface InsertedNode {
  readonly node: GraphNode;
  readonly position: number;
  readonly initializers: readonly Initializer[];
}

/** The body of a `Loop` around a network, under construction. */
export interface LoopBody {
  readonly g: GraphBuilder;
  /** The number of the iteration, int64 scalar. */
  readonly step: string;
  /** A value of the surrounding graph, for use in the body. */
  capture(value: string): string;
  /** Lets an input that was declared in the body be a value of the surrounding graph. */
  substitute(input: string, outerValue: string): void;
  /** Lets an input that was declared in the body be another value of the body. */
  rename(input: string, value: string): void;
  /** Ends the body with its outputs: loop-carried values, then those that are stacked. */
  finish(outputs: readonly string[]): { readonly body: Graph; readonly initializers: readonly Initializer[] };
}

/**
 * Begins the body of a `Loop` that will run the network. Weights stay outside, once; all other names are made to differ
 * from those of the surrounding graph, as ONNX demands.
 *
 * @param isShared whether the surrounding graph has the network's initializer of this name; default: all of them
 */
export function loopBody(
  outer: GraphBuilder,
  network: Network,
  name: string,
  isShared: (initializer: string) => boolean = (initializer) => network.graph.initializers.has(initializer),
): LoopBody {
  const g = GraphBuilder.empty(network.opset, name, { fixedBatch: network.input.fixedBatch });
  g.reserve(network.graph.nodes.flatMap((node) => node.outputs).filter((output) => output !== ""));
  g.reserve(network.graph.initializers.keys());
  g.setPrefix(name);
  const step = g.input(`${name}/step`, [], "int64");
  const goesOn = g.input(`${name}/goes_on`, [], "bool");
  const captured = new Map<string, string>();
  const renamed = new Map<string, string>();
  return {
    g,
    step,
    capture(value) {
      const standIn = g.input(`${name}/outer:${value}`, outer.dims(value), outer.type(value));
      captured.set(standIn, value);
      return standIn;
    },
    substitute(input, outerValue) {
      captured.set(input, outerValue);
    },
    rename(input, value) {
      renamed.set(input, value);
    },
    finish(outputs) {
      const still = g.unary("Identity", goesOn);
      g.clearOutputs();
      for (const output of [still, ...outputs]) g.output(output);
      const built = g.build();
      const nodes = built.nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((input) => renamed.get(input) ?? input),
      }));
      const inputs = built.inputs.filter((input) => !renamed.has(input.name));
      return separated({ ...built, inputs, nodes }, isShared, captured);
    },
  };
}

function separated(
  built: Graph,
  isShared: (initializer: string) => boolean,
  captured: ReadonlyMap<string, string>,
): ReturnType<LoopBody["finish"]> {
  const { nodes } = liveNodes(
    built.nodes,
    built.outputs.map((output) => output.name),
  );
  const inner = nodes.find(({ attributes }) =>
    Object.values(attributes).some(({ kind }) => kind === "graph"),
  );
  if (inner !== undefined) {
    throw new ModelError(
      `${inner.opType} at node '${inner.name}': holds a graph of its own, which cannot be repeated inside the file.`,
    );
  }
  const rename = (name: string): string =>
    name === "" || isShared(name) ? name : (captured.get(name) ?? `loop:${name}`);
  const initializers = [...built.initializers.values()].map((value) => ({
    ...value,
    name: rename(value.name),
  }));
  return {
    initializers,
    body: {
      name: built.name,
      inputs: built.inputs
        .filter(({ name }) => !captured.has(name))
        .map((input) => ({ ...input, name: rename(input.name) })),
      outputs: built.outputs.map((output) => ({ ...output, name: rename(output.name) })),
      nodes: nodes.map((node) => ({
        ...node,
        name: node.name === "" ? "" : `loop:${node.name}`,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
      initializers: new Map(),
      valueInfo: new Map(),
    },
  };
}

/** A `Loop` of a fixed number of iterations, to be put in where the builder stands now. */
export function insertedLoop(
  g: GraphBuilder,
  count: number,
  carried: readonly string[],
  outputs: readonly string[],
  { body, initializers }: ReturnType<LoopBody["finish"]>,
): InsertedNode {
  const trips = g.ints([count], []);
  return {
    position: g.allNodes.length,
    initializers,
    node: {
      name: outputs[0] ?? "",
      opType: "Loop",
      domain: "",
      inputs: [trips, "", ...carried],
      outputs,
      attributes: { body: { kind: "graph", value: body } },
    },
  };
}
