import { elementTypeOf, floatTensor, onnxTypeNumber } from "../../tensor/element-type.ts";
import type { ElementType } from "../../tensor/tensor.ts";
import type { Attribute, Graph, GraphNode, Initializer, ValueInfo } from "../graph.ts";
import { knownInitializer } from "./constants.ts";
import type { GraphFunction } from "./functions.ts";
import { valuesRead } from "./subgraph.ts";

/** A graph that computes in float32, and the other float types that were in it. */
export interface SinglePrecision {
  readonly graph: Graph;
  readonly functions: ReadonlyMap<string, GraphFunction>;
  /** Float types of the file that became float32. */
  readonly replaced: readonly ElementType[];
}

const halves: readonly ElementType[] = ["float16", "bfloat16"];

/**
 * Rewrites a graph in half or double precision to float32. ONNX Runtime's CPU kernels compute halves in float32 anyway and
 * round between operators (its JavaScript API does not take bfloat16 at all), and it has no convolution in double precision. Weights
 * keep their type and bytes: a Cast, which is folded when the graph is loaded, stands behind each of them.
 *
 * Double precision is only replaced where an input or a weight is in it: a few doubles in shape code do no harm.
 */
export function inSinglePrecision(
  graph: Graph,
  functions: ReadonlyMap<string, GraphFunction> = new Map(),
): SinglePrecision {
  const isDouble =
    graph.inputs.some(({ type }) => type === "float64") ||
    [...graph.initializers.values()].some(({ type, dims }) => type === "float64" && dims.length > 1);
  const rewriting: Rewriting = {
    types: new Set(isDouble ? [...halves, "float64"] : halves),
    found: new Set(),
    names: namesIn(graph),
  };
  const rewritten = rewriteGraph(graph, rewriting);
  const bodies = new Map<string, GraphFunction>();
  for (const [key, body] of functions) {
    bodies.set(key, { ...body, nodes: body.nodes.flatMap((node) => rewriteNode(node, rewriting)) });
  }
  return rewriting.found.size === 0
    ? { graph, functions, replaced: [] }
    : { graph: rewritten, functions: bodies, replaced: [...rewriting.found].sort() };
}

interface Rewriting {
  readonly types: ReadonlySet<ElementType>;
  readonly found: Set<ElementType>;
  readonly names: Set<string>;
}

function namesIn(graph: Graph): Set<string> {
  const names = new Set(graph.initializers.keys());
  for (const input of graph.inputs) names.add(input.name);
  for (const output of graph.nodes.flatMap((node) => node.outputs)) names.add(output);
  return names;
}

function rewriteGraph(graph: Graph, rewriting: Rewriting): Graph {
  const single = (value: ValueInfo): ValueInfo => {
    if (value.nonTensor !== undefined || !isReplaced(value.type, rewriting)) return value;
    return { ...value, type: "float32" };
  };
  const initializers = new Map<string, Initializer>();
  const casts: GraphNode[] = [];
  // Weights that are stored in half precision to be cast are as they should be.
  const used = new Set(graph.nodes.flatMap((node) => (node.opType === "Cast" ? [] : valuesRead(node))));
  for (const { name } of graph.outputs) used.add(name);
  for (const [name, initializer] of graph.initializers) {
    if (!used.has(name) || !isReplaced(initializer.type, rewriting)) {
      initializers.set(name, initializer);
      continue;
    }
    const kept = freshName(rewriting, `${name}/${initializer.type}`);
    initializers.set(kept, { ...initializer, name: kept });
    casts.push(castToSingle(kept, name));
  }
  const isWeight = (name: string): boolean => graph.initializers.has(name) && !initializers.has(name);
  return {
    ...graph,
    // Up to IR version 3 weights are listed as inputs; those that a Cast makes now are none.
    inputs: graph.inputs.filter(({ name }) => !isWeight(name)).map(single),
    outputs: graph.outputs.map(single),
    initializers,
    nodes: [...casts, ...graph.nodes.flatMap((node) => rewriteNode(node, rewriting))],
    valueInfo: new Map(Array.from(graph.valueInfo, ([name, value]) => [name, single(value)])),
  };
}

function isReplaced(type: ElementType, { types, found }: Rewriting): boolean {
  if (!types.has(type)) return false;
  found.add(type);
  return true;
}

function freshName({ names }: Rewriting, stem: string): string {
  let name = stem;
  for (let count = 2; names.has(name); count++) name = `${stem}_${count}`;
  names.add(name);
  return name;
}

function castToSingle(from: string, to: string): GraphNode {
  return {
    name: `${to}/float32`,
    opType: "Cast",
    domain: "",
    inputs: [from],
    outputs: [to],
    attributes: { to: { kind: "int", value: onnxTypeNumber("float32") } },
  };
}

/** Attributes that name an element type by its number. */
const typeAttributes: ReadonlySet<string> = new Set(["to", "dtype", "output_dtype"]);

function rewriteNode(node: GraphNode, rewriting: Rewriting): readonly GraphNode[] {
  const attributes: Record<string, Attribute> = {};
  let isChanged = false;
  let isTyped = false;
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const replacement = rewriteAttribute(name, attribute, rewriting);
    attributes[name] = replacement;
    isChanged ||= replacement !== attribute;
    isTyped ||= attribute.kind === "tensor" && isReplaced(attribute.value.type, rewriting);
  }
  if (node.opType === "Constant" && node.domain === "" && isTyped) {
    const [output = ""] = node.outputs;
    const kept = freshName(rewriting, `${output}/typed`);
    return [{ ...node, outputs: [kept] }, castToSingle(kept, output)];
  }
  return [isChanged ? { ...node, attributes } : node];
}

function rewriteAttribute(name: string, attribute: Attribute, rewriting: Rewriting): Attribute {
  if (attribute.kind === "graph") {
    const value = rewriteGraph(attribute.value, rewriting);
    return { kind: "graph", value };
  }
  if (attribute.kind === "int" && typeAttributes.has(name)) {
    const type = elementTypeOf(attribute.value);
    return type !== undefined && isReplaced(type, rewriting)
      ? { kind: "int", value: onnxTypeNumber("float32") }
      : attribute;
  }
  if (attribute.kind === "tensor" && isReplaced(attribute.value.type, rewriting)) {
    // The value of ConstantOfShape: one element.
    const values = knownInitializer(attribute.value).value ?? [];
    const tensor = floatTensor("float32", values, attribute.value.dims);
    return {
      kind: "tensor",
      value: {
        name: attribute.value.name,
        type: "float32",
        dims: tensor.dims,
        data: { kind: "memory", tensor },
      },
    };
  }
  return attribute;
}
