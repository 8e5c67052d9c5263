import { ModelError } from "../errors.ts";
import { extentOf, placeCount } from "../image/extent.ts";
import { nearestNames } from "../nearest-names.ts";
import { intsAttribute, type Graph, type GraphNode, type Shape } from "../graph/graph.ts";
import { valuesRead } from "../graph/prepare/subgraph.ts";
import type { AxisRoles } from "./axis-roles.ts";
import { isPlaced } from "./axis-roles.ts";
import type { Layer } from "./model.ts";

/** Values that every path from the image to the logits passes, in graph order (the image itself is not among them). */
export function bottlenecks(graph: Graph, image: string, logits: string): readonly string[] {
  const active = new Set([image]);
  for (const node of graph.nodes) {
    const isShape = node.opType === "Shape" || node.opType === "Size";
    if (isShape || !valuesRead(node).some((value) => active.has(value))) continue;
    for (const output of node.outputs) if (output !== "") active.add(output);
  }
  const useful = new Set([logits]);
  for (const node of graph.nodes.toReversed()) {
    if (node.outputs.some((output) => useful.has(output)))
      for (const value of valuesRead(node)) useful.add(value);
  }
  const path = graph.nodes.filter((node) =>
    node.outputs.some((output) => active.has(output) && useful.has(output)),
  );
  const readers = new Map<string, number>();
  for (const node of path) {
    for (const value of new Set(valuesRead(node)))
      if (active.has(value)) readers.set(value, (readers.get(value) ?? 0) + 1);
  }
  // Every useful node lies before or after a bottleneck, so right after it is made it is the only value still to be read.
  const live = new Set([image]);
  const found: string[] = [];
  for (const node of path) {
    for (const value of new Set(valuesRead(node))) {
      if (!active.has(value)) continue;
      const left = (readers.get(value) ?? 0) - 1;
      readers.set(value, left);
      if (left <= 0) live.delete(value);
    }
    for (const output of node.outputs) if (useful.has(output) && active.has(output)) live.add(output);
    const [only] = live;
    if (live.size === 1 && only !== undefined && only !== image) found.push(only);
  }
  return found;
}

const spatialKinds = ["depth", "height", "width", "time"] as const;

/** How a value lies over the image, or `undefined` if it has no grid of more than one place. */
export function layerOf(name: string, dims: Shape, roles: AxisRoles | undefined): Layer | undefined {
  if (!isPlaced(roles) || roles === undefined) return undefined;
  const at = (kind: string): number => roles.findIndex((role) => role.kind === kind);
  const size = (axis: number): number => {
    const dim = dims[axis];
    return typeof dim === "number" ? dim : 0;
  };
  const grid = roles.find((role) => role.kind === "grid");
  if (grid?.kind === "grid" && dims.length === 3) {
    const axis = at("grid");
    const { prefix } = grid;
    const extent = extentOf(grid);
    if (axis === 0 || placeCount(extent) <= 1) return undefined;
    return {
      name,
      channels: size(axis === 1 ? 2 : 1),
      ...extent,
      layout: axis === 1 ? "tokens" : "tokens-channels-first",
      prefixTokens: prefix,
    };
  }
  // Depth, height and width (of a signal: time) lie side by side in this order, behind the channels or before them.
  const axes = spatialKinds.map(at).filter((axis) => axis >= 0);
  const [first = 0] = axes;
  const isInOrder = axes.every((axis, index) => axis === first + index);
  if (!isInOrder || first === 0 || dims.length !== axes.length + 2) return undefined;
  const [width = 0, height = 1, depth] = axes.map(size).toReversed();
  const extent = extentOf({ depth, height, width });
  if (placeCount(extent) <= 1) return undefined;
  return first === 2
    ? { name, channels: size(1), ...extent, layout: "NCHW" }
    : { name, channels: size(dims.length - 1), ...extent, layout: "NHWC" };
}

const movement = new Set([
  "Transpose",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Identity",
  "Cast",
  "Dropout",
  "Pad",
  "QuantizeLinear",
  "DequantizeLinear",
]);
const activations = new Set([
  "Relu",
  "Clip",
  "LeakyRelu",
  "PRelu",
  "Elu",
  "Selu",
  "Celu",
  "HardSwish",
  "HardSigmoid",
  "Gelu",
  "Mish",
  "Swish",
  "Softplus",
  "Tanh",
  "Sigmoid",
]);

/**
 * Layers fit for an activation method, last first: values with spatial extent that every path passes. Values that only
 * moved (transposed, reshaped) or were pooled with a window of one give way to what they were made from, if that is a
 * layer too.
 */
export function candidateLayers(
  graph: Graph,
  image: string,
  logits: string,
  dims: (value: string) => Shape | undefined,
  roles: ReadonlyMap<string, AxisRoles>,
): readonly Layer[] {
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );
  const find = (name: string): Layer | undefined => {
    const shape = dims(name);
    return shape === undefined ? undefined : layerOf(name, shape, roles.get(name));
  };
  const isOnlyMoved = (name: string): boolean => {
    const node = producers.get(name);
    if (node === undefined) return true;
    if (!movement.has(node.opType) && !isTrivialPool(node)) return false;
    const source = node.inputs[0] ?? "";
    // Windows put back in their places are made from no layer: the first value in order is the layer.
    return source === image || find(source) !== undefined || isOnlyMoved(source);
  };
  return bottlenecks(graph, image, logits)
    .toReversed()
    .flatMap((name) => {
      const layer = isOnlyMoved(name) ? undefined : find(name);
      return layer === undefined ? [] : [layer];
    });
}

function isTrivialPool(node: GraphNode): boolean {
  return node.opType.endsWith("Pool") && intsAttribute(node, "kernel_shape")?.every((k) => k === 1) === true;
}

/** The value before the activation that made a layer, or the layer's own name if no activation made it. */
export function beforeActivation(graph: Graph, name: string): string {
  const node = graph.nodes.find((candidate) => candidate.outputs.includes(name));
  return node !== undefined && activations.has(node.opType) ? (node.inputs[0] ?? name) : name;
}

/** The value that a user means by a value or node name. */
export function resolveValue(graph: Graph, name: string): string {
  for (const node of graph.nodes) {
    if (node.outputs.includes(name)) return name;
  }
  const byNode = graph.nodes.find((node) => node.name === name)?.outputs[0];
  if (byNode !== undefined) return byNode;
  const names = graph.nodes.flatMap((node) => [node.name, ...node.outputs]).filter((entry) => entry !== "");
  // Exporters put module paths into names: 'layer4.2' means the last value of that module.
  const inside = graph.nodes.filter((node) => node.name.includes(name)).at(-1)?.outputs[0];
  if (inside !== undefined && /[\w.]{3,}/.test(name)) return inside;
  throw new ModelError(
    `layer: no value or node named '${name}'. Nearest: ${nearestNames(name, names)
      .map((entry) => `'${entry}'`)
      .join(", ")}. List them with: onnx-saliency inspect MODEL.`,
  );
}
