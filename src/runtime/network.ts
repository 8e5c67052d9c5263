import { ModelError, ShapeError } from "../errors.ts";
import type { ProbedValue } from "../graph/graph-builder.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { batchSymbol, type Graph, type Shape, type ValueInfo } from "../graph/graph.ts";
import { prepareGraph } from "../graph/prepare/index.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { AnyTensor, ElementType } from "../tensor/tensor.ts";
import { followAxes, type AxisRole, type AxisRoles } from "./axis-roles.ts";
import { inferenceMode } from "./inference-mode.ts";
import { findScoringTail, type ScoringTail } from "./scoring-tail.ts";
import { candidateLayers } from "./target-layer.ts";
import type { Layer } from "./model.ts";

export interface NetworkOptions {
  /** Height and width for a model whose own are dynamic. Default 224 x 224, what most classifiers were trained at. */
  readonly size?: readonly [height: number, width: number];
  /** The value with the class scores, if it is not found by itself. */
  readonly output?: string;
  /** Fixed values of further inputs. */
  readonly feeds?: Readonly<Record<string, AnyTensor>>;
}

/** The network's image input. */
export interface NetworkInput {
  readonly name: string;
  readonly layout: "NCHW" | "NHWC";
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The batch size if the file fixes it, else `undefined`. */
  readonly fixedBatch: number | undefined;
  /** The element type in the file; fed as float32 in any case. */
  readonly type: ElementType;
}

/** An ONNX model analysed as an image classifier, before any runtime. */
export interface Network {
  readonly graph: Graph;
  readonly opset: number;
  readonly known: ReadonlyMap<string, ProbedValue>;
  readonly input: NetworkInput;
  readonly tail: ScoringTail;
  readonly roles: ReadonlyMap<string, AxisRoles>;
  /** Candidates for the target layer, last first. */
  readonly layers: readonly Layer[];
  /** Why values have no known shape. */
  readonly unknown: ReadonlyMap<string, string>;
  /** What differs from the file, and what to know of its numbers: sentences for the user. */
  readonly notes: readonly string[];
}

/** Analyses a model: image input, shapes, scoring tail, layers. */
export function analyseNetwork(model: OnnxModel, options: NetworkOptions = {}): Network {
  const { graph, notes } = inferenceMode(withFixedInputs(model.graph, options.feeds ?? {}));
  const input = findImageInput(graph, options.size);
  const batchDim = input.fixedBatch ?? batchSymbol;
  const shape: Shape =
    input.layout === "NCHW"
      ? [batchDim, input.channels, input.height, input.width]
      : [batchDim, input.height, input.width, input.channels];
  const opset = model.opsets.get("") ?? 0;
  const prepared = prepareGraph(asFloatInput(graph, input), opset, {
    inputs: { [input.name]: shape },
    functions: model.functions,
    opsets: model.opsets,
  });
  const builder = new GraphBuilder(prepared.graph, prepared.opset, prepared.known);
  const dims = (value: string): Shape | undefined => (builder.has(value) ? builder.dims(value) : undefined);
  const tail = findScoringTail(prepared.graph, dims, options.output);
  const axes: readonly AxisRole[] =
    input.layout === "NCHW"
      ? [{ kind: "batch" }, { kind: "channel" }, { kind: "height" }, { kind: "width" }]
      : [{ kind: "batch" }, { kind: "height" }, { kind: "width" }, { kind: "channel" }];
  const roles = followAxes(prepared.graph, input.name, axes, {
    dims,
    constantValue: (value) => builder.constantValue(value),
  });
  const layers = candidateLayers(prepared.graph, input.name, tail.logits, dims, roles);
  return {
    graph: prepared.graph,
    opset: prepared.opset,
    known: prepared.known,
    input,
    tail,
    roles,
    layers,
    unknown: prepared.unknown,
    notes,
  };
}

/** Further inputs with a given value become constants. */
function withFixedInputs(graph: Graph, feeds: Readonly<Record<string, AnyTensor>>): Graph {
  const names = Object.keys(feeds);
  if (names.length === 0) return graph;
  for (const name of names) {
    if (!graph.inputs.some((input) => input.name === name)) {
      throw new ModelError(
        `Input '${name}': the model has no such input. It has: ${graph.inputs.map((i) => i.name).join(", ")}.`,
      );
    }
  }
  const initializers = new Map(graph.initializers);
  for (const [name, value] of Object.entries(feeds)) {
    initializers.set(name, {
      name,
      type: value.type,
      dims: value.dims,
      data: { kind: "memory", tensor: value },
    });
  }
  return { ...graph, inputs: graph.inputs.filter((input) => !names.includes(input.name)), initializers };
}

/** A model that takes bytes and casts them to floats is fed floats: the cast then passes gradients. */
function asFloatInput(graph: Graph, input: NetworkInput): Graph {
  if (input.type === "float32" || input.type === "float16" || input.type === "float64") return graph;
  return {
    ...graph,
    inputs: graph.inputs.map((entry): ValueInfo =>
      entry.name === input.name ? { ...entry, type: "float32" } : entry,
    ),
  };
}

function findImageInput(graph: Graph, size: readonly [number, number] | undefined): NetworkInput {
  const inputs = graph.inputs.filter((input) => !graph.initializers.has(input.name));
  const described = inputs
    .map((input) => `${input.name} ${input.type} [${input.dims?.join(", ") ?? "unknown rank"}]`)
    .join("; ");
  const images = inputs.filter((input) => input.dims === undefined || input.dims.length === 4);
  const image = images[0];
  if (image === undefined || images.length > 1) {
    throw new ModelError(
      `Inputs: expected one image of rank 4 ([batch, channels, height, width] or channels last), found ${described || "none"}.` +
        (images.length > 1 ? " Fix the others with --feed NAME=VALUE." : ""),
    );
  }
  const further = inputs.filter((input) => input !== image);
  if (further.length > 0) {
    throw new ModelError(
      `Inputs: the model has ${further.length} besides the image '${image.name}': ${further.map((input) => input.name).join(", ")}. ` +
        "Give each a value with --feed NAME=VALUE or --feed NAME=FILE.npy.",
    );
  }
  const [batch, a, b, c] = image.dims ?? ["batch", 3, "height", "width"];
  const isSmall = (dim: typeof a): boolean => typeof dim === "number" && dim >= 1 && dim <= 16;
  const layout = isSmall(c) && !(isSmall(a) && Number(a) <= Number(c)) ? "NHWC" : "NCHW";
  const [channelDim, heightDim, widthDim] = layout === "NCHW" ? [a, b, c] : [c, a, b];
  const number = (dim: typeof a, fallback: number): number =>
    typeof dim === "number" && dim > 0 ? dim : fallback;
  const height = number(heightDim, size?.[0] ?? 224);
  const width = number(widthDim, size?.[1] ?? 224);
  if (size !== undefined && (height !== size[0] || width !== size[1])) {
    throw new ShapeError(
      `size: expected ${height} x ${width}, which the model fixes, got ${size[0]} x ${size[1]}. Leave the size out.`,
    );
  }
  return {
    name: image.name,
    layout,
    channels: number(channelDim, 3),
    height,
    width,
    fixedBatch: typeof batch === "number" && batch > 0 ? batch : undefined,
    type: image.type,
  };
}
