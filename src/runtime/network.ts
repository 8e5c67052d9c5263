import type { ProbedValue } from "../graph/graph-builder.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { spatialDims } from "../image/extent.ts";
import { batchSymbol, type Graph, type Shape } from "../graph/graph.ts";
import { shapeOf } from "../graph/prepare/batch-shape.ts";
import { prepareGraph, type PreparedGraph, type PrepareOptions } from "../graph/prepare/index.ts";
import { rebatch } from "../graph/prepare/rebatch.ts";
import { inSinglePrecision } from "../graph/prepare/single-precision.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { AnyTensor } from "../tensor/tensor.ts";
import { followAxes, type AxisRoles } from "./axis-roles.ts";
import { withStandardClassifiers } from "./classical-operators.ts";
import { withFloatInput } from "./float-input.ts";
import { withFixedInputs } from "./further-inputs.ts";
import type { BatchForm } from "./batch-form.ts";
import { findImageInput, withChannels, type ImageSize, type NetworkInput } from "./image-input.ts";
import { inferenceMode } from "./inference-mode.ts";
import { withoutMissingOperators } from "./missing-operators.ts";
import type { Layer } from "./model.ts";
import { networkNotes } from "./network-notes.ts";
import { withPixelRows } from "./pixel-rows.ts";
import { findScoringTail, type ScoringTail } from "./scoring-tail.ts";
import { candidateLayers } from "./target-layer.ts";

export type { BatchForm } from "./batch-form.ts";
export type { NetworkInput } from "./image-input.ts";

export interface NetworkOptions {
  /** Height and width (of a volume: depth first) for a model whose own are dynamic. Default 224 x 224, what most classifiers of images were trained at. For a model of rows `[N, F]`: of the image whose pixels they are. */
  readonly size?: ImageSize;
  /** The value with the class scores, if it is not found by itself. */
  readonly output?: string;
  /** Fixed values of further inputs. */
  readonly feeds?: Readonly<Record<string, AnyTensor>>;
}

/** An ONNX model analysed as an image classifier, before any runtime. */
export interface Network {
  readonly graph: Graph;
  readonly opset: number;
  readonly known: ReadonlyMap<string, ProbedValue>;
  readonly input: NetworkInput;
  readonly batch: BatchForm;
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
  const standard = withoutMissingOperators(withFixedInputs(model.graph, options.feeds ?? {}));
  const { graph: inferred, notes } = inferenceMode(withStandardClassifiers(standard.graph));
  const { graph: declared, isRow } = withPixelRows(inferred, options.size);
  const found: NetworkInput = { ...findImageInput(declared, options.size), ...(isRow && { isRow }) };
  const single = inSinglePrecision(declared, model.functions);
  const graph = withFloatInput(single.graph, {
    ...found,
    type: single.graph.inputs.find(({ name }) => name === found.name)?.type ?? found.type,
  });
  const prepareOptions = { functions: single.functions, opsets: model.opsets };
  // A file may import nothing but the operators of classical machine learning.
  const opset = model.opsets.get("") ?? (model.opsets.size > 0 ? 17 : 0);
  const settled = settleBatch(graph, opset, found, options.output, prepareOptions);
  const { prepared, tail, batch } = settled;
  const input = batch.kind === "freed" ? { ...found, fixedBatch: undefined } : found;
  const { dims, constantValue } = lookups(prepared);
  const axes = imageRoles(input);
  const roles = followAxes(prepared.graph, input.name, input.isUnbatched ? axes.slice(1) : axes, {
    dims,
    constantValue,
  });
  return {
    graph: prepared.graph,
    opset: prepared.opset,
    known: prepared.known,
    input,
    batch,
    tail,
    roles,
    layers: candidateLayers(prepared.graph, input.name, tail.logits, dims, roles),
    unknown: prepared.unknown,
    notes: [
      ...standard.notes,
      ...notes,
      ...networkNotes({ graph: prepared.graph, input, batch, tail, replaced: single.replaced }),
    ],
  };
}

/** The roles of the axes of a batch of images, as they lie in the file. */
export function imageRoles({ layout, depth, isSignal = false }: NetworkInput): AxisRoles {
  const space: AxisRoles = isSignal
    ? [{ kind: "time" }]
    : [...(depth === undefined ? [] : [{ kind: "depth" } as const]), { kind: "height" }, { kind: "width" }];
  return [{ kind: "batch" }, ...withChannels(layout, { kind: "channel" }, space)];
}

interface Settled {
  readonly prepared: PreparedGraph;
  readonly tail: ScoringTail;
  readonly batch: BatchForm;
}

/** Prepares the graph for any number of images, if the file or a rewriting allows it. */
function settleBatch(
  graph: Graph,
  opset: number,
  input: NetworkInput,
  output: string | undefined,
  options: Omit<PrepareOptions, "inputs">,
): Settled {
  const size = input.fixedBatch;
  const inputs = { [input.name]: inputShape(input, size ?? batchSymbol) };
  const plain = prepareGraph(graph, opset, { ...options, inputs });
  const tail = findScoringTail(plain.graph, lookups(plain).dims, output, plain.unknown);
  const prepared = withLogits(plain, tail);
  if (size === undefined) {
    const dynamic = prepared.graph.nodes.find((node) => node.opType.startsWith("DynamicQuantize"));
    const batch: BatchForm =
      dynamic === undefined
        ? { kind: "free" }
        : {
            kind: "fixed",
            size: 1,
            reason: `${dynamic.opType} at node '${dynamic.name}' takes its range from all images of a run, so that each would change the others.`,
          };
    return { prepared, tail, batch };
  }
  const fixed = (reason: string): Settled => ({ prepared, tail, batch: { kind: "fixed", size, reason } });
  if (input.isUnbatched) return fixed("The image has no batch axis.");
  if (size !== 1) return fixed(`The file is made for runs of ${size} images.`);
  // Only what the scores are computed from has to be rewritten.
  const scores = scoresInFile(graph, tail);
  const freed = rebatch(scores === undefined ? graph : { ...graph, outputs: [scores] }, opset, {
    ...options,
    inputs,
  });
  if (freed.kind === "fixed") return fixed(freed.reason);
  const again = findScoringTail(freed.prepared.graph, lookups(freed.prepared).dims, scores?.name ?? output);
  return {
    prepared: freed.prepared,
    tail: { ...again, output: tail.output, labels: tail.labels },
    batch: { kind: "freed" },
  };
}

/**
 * The same, with the shape of the logits taken from the activation that the file ends in, where operators on the way (a loop, one that
 * is not of ONNX) keep it from being inferred: files state the shapes of their outputs, and the activation keeps them.
 */
function withLogits(prepared: PreparedGraph, { logits }: ScoringTail): PreparedGraph {
  if (prepared.known.has(logits)) return prepared;
  const probed = prepared.graph.nodes
    .filter((node) => node.inputs[0] === logits && /Softmax$|^Sigmoid$/.test(node.opType))
    .map((node) => prepared.known.get(node.outputs[0] ?? ""))
    .find((entry) => entry !== undefined);
  return probed === undefined
    ? prepared
    : { ...prepared, known: new Map([...prepared.known, [logits, probed]]) };
}

/** The scores as a value of the file, or `undefined` if preparation gave them another name. */
function scoresInFile(graph: Graph, tail: ScoringTail): Graph["outputs"][number] | undefined {
  const existing = graph.outputs.find(({ name }) => name === tail.output);
  if (existing !== undefined) return existing;
  const isInFile = graph.nodes.some((node) => node.outputs.includes(tail.output));
  return isInFile ? { name: tail.output, type: "float32", dims: undefined } : undefined;
}

function inputShape(input: NetworkInput, batch: number | string): Shape {
  const space = input.isSignal === true ? [input.width] : spatialDims(input);
  const image: Shape = withChannels(input.layout, input.channels, space);
  return input.isUnbatched ? image : [batch, ...image];
}

function lookups({ graph, opset, known }: PreparedGraph): {
  readonly dims: (value: string) => Shape | undefined;
  readonly constantValue: (value: string) => readonly number[] | undefined;
} {
  const builder = new GraphBuilder(graph, opset, known);
  return {
    dims: (value) => {
      const probed = known.get(value);
      return probed === undefined ? undefined : shapeOf(probed);
    },
    constantValue: (value) => builder.constantValue(value),
  };
}
