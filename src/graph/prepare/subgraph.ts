import type { Attribute, Graph, GraphNode } from "../graph.ts";

/** Values that a node reads: its inputs, and what graphs in its attributes take from outside. Without absent ones. */
export function valuesRead(node: GraphNode): readonly string[] {
  const values = node.inputs.filter((input) => input !== "");
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === "graph") values.push(...capturedBy(attribute.value));
  }
  return values;
}

function definedIn(graph: Graph): Set<string> {
  const inside = new Set([...graph.initializers.keys(), ...graph.inputs.map((input) => input.name)]);
  for (const node of graph.nodes) for (const output of node.outputs) inside.add(output);
  return inside;
}

function capturedBy(graph: Graph): readonly string[] {
  const inside = definedIn(graph);
  const used = new Set([...graph.nodes.flatMap(valuesRead), ...graph.outputs.map((output) => output.name)]);
  return [...used].filter((value) => !inside.has(value));
}

/** Another name for a value, or the same. */
export type Rename = (value: string) => string;

/** A node that reads its values under other names, inside graphs in its attributes too. */
export function renameReads(node: GraphNode, rename: Rename): GraphNode {
  const inputs = node.inputs.map((input) => (input === "" ? "" : rename(input)));
  const hasGraph = Object.values(node.attributes).some((attribute) => attribute.kind === "graph");
  if (!hasGraph) {
    return inputs.every((input, index) => input === node.inputs[index]) ? node : { ...node, inputs };
  }
  const attributes: Record<string, Attribute> = {};
  for (const [name, attribute] of Object.entries(node.attributes)) {
    attributes[name] =
      attribute.kind === "graph"
        ? { kind: "graph", value: renameInside(attribute.value, rename) }
        : attribute;
  }
  return { ...node, inputs, attributes };
}

function renameInside(graph: Graph, rename: Rename): Graph {
  const inside = definedIn(graph);
  const outer: Rename = (value) => (inside.has(value) ? value : rename(value));
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameReads(node, outer)),
    outputs: graph.outputs.map((output) => ({ ...output, name: outer(output.name) })),
  };
}
