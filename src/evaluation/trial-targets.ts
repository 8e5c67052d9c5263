import { assertNever, ParameterError } from "../errors.ts";
import type { ClassMap } from "../datasets/class-map.ts";
import type { DatasetItem } from "../datasets/dataset.ts";
import { probabilities } from "../runtime/model.ts";

/** A class to explain in an image. */
export interface TrialTarget {
  readonly index: number;
  /** Category of the annotation, by index. */
  readonly category?: number;
  /** Of the class; of an annotated category, that of all its classes together. */
  readonly probability: number;
}

export interface TargetRequest {
  readonly target: "predicted" | "label" | "annotated";
  /** Probability that an annotated category must exceed. */
  readonly threshold: number;
  /** Outputs of each category, for `annotated`. */
  readonly classMap?: ClassMap | undefined;
}

/** The class with the largest logit; the first of equals. */
export function predictedClass(logits: Float32Array): number {
  return logits.reduce((best, value, index) => (value > (logits[best] ?? -Infinity) ? index : best), 0);
}

/**
 * The classes that an image is explained for. An annotated category is tried if the network gives
 * it more than the threshold: the sum over its classes where classes exclude each other (softmax), the largest where they
 * do not (sigmoid). The explained class is then the one of the category that the network ranks first.
 */
export function trialTargets(
  item: DatasetItem,
  logits: Float32Array,
  kind: "softmax" | "sigmoid",
  request: TargetRequest,
): readonly TrialTarget[] {
  const values = probabilities(logits, kind);
  const of = (index: number): TrialTarget => ({ index, probability: values[index] ?? 0 });
  switch (request.target) {
    case "predicted":
      return [of(predictedClass(logits))];
    case "label":
      return [of(labelledOutput(item, logits.length))];
    case "annotated":
      return (item.annotations ?? []).flatMap(({ categoryIndex }): readonly TrialTarget[] => {
        const outputs = request.classMap?.[categoryIndex] ?? [];
        const [first] = outputs;
        if (first === undefined) return [];
        const index = outputs.reduce(
          (best, output) => ((logits[output] ?? 0) > (logits[best] ?? 0) ? output : best),
          first,
        );
        const each = outputs.map((output) => values[output] ?? 0);
        const probability =
          kind === "softmax" ? each.reduce((sum, value) => sum + value, 0) : Math.max(...each);
        return probability > request.threshold ? [{ index, category: categoryIndex, probability }] : [];
      });
    default:
      return assertNever(request.target);
  }
}

/** The output of an image's label. Networks with 1001 outputs have a background class before ImageNet's 1000. */
export function labelledOutput(item: DatasetItem, outputCount: number): number {
  const index = item.label === undefined ? undefined : item.label + (outputCount === 1001 ? 1 : 0);
  if (index !== undefined && index < outputCount) return index;
  throw new ParameterError(
    index === undefined
      ? `target: '${item.key}' has no label. Use --target predicted, or a data set with labels.`
      : `target: '${item.key}' has label ${item.label}, but the network has ${outputCount} outputs. Use --target predicted.`,
  );
}
