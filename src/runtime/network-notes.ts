import type { Graph } from "../graph/graph.ts";
import type { ElementType } from "../tensor/tensor.ts";
import type { BatchForm } from "./batch-form.ts";
import type { NetworkInput } from "./image-input.ts";

import type { ScoringTail } from "./scoring-tail.ts";

interface NetworkFacts {
  readonly graph: Graph;
  readonly input: NetworkInput;
  readonly batch: BatchForm;
  readonly tail: ScoringTail;
  /** Float types of the file that became float32. */
  readonly replaced: readonly ElementType[];
}

/** Operators of quantised models. */
const quantised =
  /^(QuantizeLinear|QLinear|QGemm|QAttention|ConvInteger|MatMulInteger|DynamicQuantize|MatMulNBits|QMoE)/;

/** Sentences on what differs from the file and what to know of the numbers. */
export function networkNotes({ graph, input, batch, tail, replaced }: NetworkFacts): readonly string[] {
  const notes: string[] = [];
  for (const type of replaced) notes.push(precisionNotes[type] ?? `${type} is computed in float32.`);
  if (!isFloat(input.type)) {
    notes.push(
      `The image goes in as ${input.type}; it is fed as float32, so that gradients arrive at the pixels.`,
    );
  }
  if (input.isRow === true) {
    notes.push(
      `The file takes ${input.channels * input.height * input.width} numbers in a row; they are read as the pixels of an image of ` +
        `${input.height} x ${input.width}${input.channels === 1 ? "" : `, ${input.channels} values of a pixel beside each other`}.`,
    );
  }
  if (graph.nodes.some(({ opType }) => quantised.test(opType))) {
    notes.push(
      "The model is quantised: the explained score is its own, and gradients pass its rounding as if it were the identity " +
        "(straight-through estimation). Differences of the score over small steps are a staircase.",
    );
  }
  if (batch.kind === "freed") {
    notes.push(
      "The file fixes the batch at 1; it was rewritten for any number of images, and a stack is compared with its images one by one before it is relied on.",
    );
  }
  if (batch.kind === "fixed") {
    const how = batch.size === 1 ? "several are explained one by one" : "runs of fewer are filled up";
    notes.push(`A run has ${batch.size} image${batch.size === 1 ? "" : "s"}: ${how}. ${batch.reason}`);
  }
  if (tail.logitCount === 1) {
    notes.push(
      "There is one output z: class 1 is z, class 0 is -z, so that both directions can be explained.",
    );
  }
  return notes;
}

const precisionNotes: Readonly<Partial<Record<ElementType, string>>> = {
  float16:
    "The file is in float16; it is computed in float32 from the same weights. Scores differ from a run in float16 by its rounding, about 1e-3.",
  bfloat16:
    "The file is in bfloat16; it is computed in float32 from the same weights. Scores differ from a run in bfloat16 by its rounding, about 1e-2.",
  float64:
    "The file is in float64; it is computed in float32, because ONNX Runtime has no convolution in double precision. Scores differ by about 1e-6.",
};

function isFloat(type: ElementType): boolean {
  return type === "float32" || type === "float16" || type === "bfloat16" || type === "float64";
}
