import { fromHalf, toHalf } from "../tensor/half.ts";
import type { Graph, GraphNode, Initializer } from "../graph/graph.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import type { RandomizedStage } from "../metrics/define-metric.ts";
import type { NodeModel } from "../node.ts";
import { fetchInitializer } from "../onnx/initializer.ts";
import { randomStream, type RandomStream } from "../random/random-stream.ts";
import { GraphModel } from "../runtime/graph-model.ts";
import type { Model } from "../runtime/model.ts";
import { NodeRuntime } from "../runtime/session-node.ts";
import type { AnyTensor } from "../tensor/tensor.ts";

/** Weights of at least this many elements are drawn anew; smaller ones (scales, biases, running statistics) are kept. */
const minimalElements = 32;

export type WeightInitializer = "match-std" | "permute" | "he";

/** Weights that belong together: those of one node. */
export interface WeightBlock {
  /** Name of the node. */
  readonly label: string;
  /** Names of the initializers. */
  readonly weights: readonly string[];
}

/** The most stages of a test; deep networks are grouped into so many blocks. */
const maxBlocks = 16;

/**
 * The blocks of a network from output to input: the weights of convolutions, matrix products and recurrences, one node
 * after the other against the order of computation, grouped so that there are at most 16.
 *
 * @param inputs further inputs with fixed values: constants by now, but no weights
 */
export function weightBlocks(graph: Graph, inputs: ReadonlySet<string> = new Set()): readonly WeightBlock[] {
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );
  const seen = new Set<string>();
  const blocks: WeightBlock[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!["Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"].includes(node.opType)) continue;
    const weights = node.inputs
      .map((input) => weightBehind(input, graph, producers))
      .filter((name) => name !== undefined)
      .filter((name) => !seen.has(name) && !inputs.has(name));
    weights.forEach((name) => seen.add(name));
    if (weights.length > 0)
      blocks.push({ label: node.name === "" ? (node.outputs[0] ?? node.opType) : node.name, weights });
  }
  const groupSize = Math.ceil(blocks.length / maxBlocks);
  return Array.from({ length: Math.ceil(blocks.length / groupSize) }, (_, group) => {
    const members = blocks.slice(group * groupSize, (group + 1) * groupSize);
    return { label: members.at(-1)?.label ?? "", weights: members.flatMap((block) => block.weights) };
  });
}

/** The float initializer that an input is, through casts and the like. */
function weightBehind(
  value: string,
  graph: Graph,
  producers: ReadonlyMap<string, GraphNode>,
): string | undefined {
  const initializer = graph.initializers.get(value);
  if (initializer !== undefined) {
    const count = initializer.dims.reduce((product, dim) => product * dim, 1);
    const isFloat =
      initializer.type === "float32" || initializer.type === "float16" || initializer.type === "float64";
    return isFloat && count >= minimalElements ? value : undefined;
  }
  const node = producers.get(value);
  const isPassing = node !== undefined && ["Cast", "Identity", "Transpose", "Reshape"].includes(node.opType);
  return isPassing ? weightBehind(node.inputs[0] ?? "", graph, producers) : undefined;
}

/** New numbers for a weight tensor. */
export function redraw(
  values: Float64Array,
  dims: readonly number[],
  kind: WeightInitializer,
  random: RandomStream,
): Float64Array {
  if (kind === "permute") {
    const result = values.slice();
    for (let index = result.length - 1; index > 0; index--) {
      const other = random.integer(index + 1);
      [result[index], result[other]] = [result[other] ?? 0, result[index] ?? 0];
    }
    return result;
  }
  const count = values.length;
  const mean = kind === "he" ? 0 : values.reduce((sum, value) => sum + value / count, 0);
  const fanIn = dims.slice(1).reduce((product, dim) => product * dim, 1);
  const variance =
    kind === "he" ? 2 / fanIn : values.reduce((sum, value) => sum + (value - mean) ** 2 / count, 0);
  const deviation = Math.sqrt(variance);
  return values.map(() => mean + deviation * random.normal());
}

/** Networks with weights drawn anew from the output downwards, one at a time; each is closed before the next is made. */
export async function* randomizedStages(
  model: NodeModel,
  request: {
    readonly mode: "cascading" | "independent";
    readonly initializer: WeightInitializer;
    readonly seed: number;
  },
  explainOn: (model: Model) => Promise<SaliencyMap>,
  { threads, inputs }: { readonly threads?: number | undefined; readonly inputs?: ReadonlySet<string> } = {},
): AsyncGenerator<RandomizedStage> {
  const blocks = weightBlocks(model.network.graph, inputs);
  for (const [index, block] of blocks.entries()) {
    const chosen = request.mode === "independent" ? [block] : blocks.slice(0, index + 1);
    const changed = new Map(
      chosen.flatMap(({ weights }) => weights).map((name) => [name, redrawn(model, name, request)] as const),
    );
    const graph: Graph = {
      ...model.network.graph,
      initializers: new Map(
        [...model.network.graph.initializers].map(([name, old]) => [name, changed.get(name) ?? old]),
      ),
    };
    const stage = new GraphModel({
      onnx: model.onnx,
      network: { ...model.network, graph },
      runtime: new NodeRuntime(threads === undefined ? {} : { threads }),
      normalization: model.normalization,
      labels: model.labels,
      probabilityKind: model.probabilityKind,
      layer: model.network.layers.length > 0 ? model.defaultLayer.name : undefined,
    });
    try {
      yield { label: block.label, explain: () => explainOn(stage) };
    } finally {
      await stage.close();
    }
  }
}

function redrawn(
  model: NodeModel,
  name: string,
  request: { readonly initializer: WeightInitializer; readonly seed: number },
): Initializer {
  const initializer = model.network.graph.initializers.get(name);
  if (initializer === undefined) throw new Error(`Internal error: no initializer '${name}'`);
  const tensor = fetchInitializer(model.onnx, initializer);
  const values = redraw(
    toNumbers(tensor),
    tensor.dims,
    request.initializer,
    randomStream(request.seed, "weights", name),
  );
  return {
    ...initializer,
    data: { kind: "memory", tensor: { ...tensor, data: fromNumbers(values, tensor) } },
  };
}

function toNumbers({ type, data }: AnyTensor): Float64Array {
  return type === "float16"
    ? Float64Array.from(data as Uint16Array, fromHalf)
    : Float64Array.from(data as Float32Array);
}

function fromNumbers(values: Float64Array, { type }: AnyTensor): Float32Array | Float64Array | Uint16Array {
  if (type === "float16") return Uint16Array.from(values, toHalf);
  return type === "float64" ? values : Float32Array.from(values);
}
