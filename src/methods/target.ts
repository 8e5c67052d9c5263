import { ParameterError } from "../errors.ts";
import { nearestNames } from "../nearest-names.ts";
import type { Target } from "../runtime/model.ts";

/** What names and ranks of classes refer to. */
export interface ClassFacts {
  /** The logits of the image, one a class. */
  readonly logits: ArrayLike<number>;
  readonly labels?: readonly string[] | undefined;
  /** `Model.outputCount`: 1 where the two classes are the only output and its negative. */
  readonly outputCount?: number | undefined;
}

/**
 * The classes that a text means:
 * - `top1`, `top5`: the class, or the five classes, with the highest logits, best first;
 * - `rank2`: only the second;
 * - `281`: an index;
 * - `output:0`: a number that the network itself gives: the value of a regression, where a class has no meaning;
 * - `tabby`: a class name (any case): the whole label or one of its comma-separated names, else the only label that has
 *   the text in it;
 * - `tabby:vs:rank2`: the difference of two of these (one class each).
 *
 * Equal logits rank in the order of their indices.
 * @throws {@link ParameterError} if the text means no class, or several.
 */
export function resolveTargets(text: string, facts: ClassFacts): readonly Target[] {
  const [first = "", second, ...more] = text.split(":vs:").map((part) => part.trim());
  if (second === undefined) return classesOf(first, facts).map((index) => ({ index }));
  const [index, minus] = [classesOf(first, facts), classesOf(second, facts)];
  if (index.length !== 1 || minus.length !== 1 || more.length > 0) {
    throw new ParameterError(
      `target: expected one class on each side of ':vs:', got '${text}'. For example: top1:vs:rank2.`,
    );
  }
  return [{ index: index[0] ?? 0, minus: minus[0] ?? 0 }];
}

/**
 * The single class that a text means, see {@link resolveTargets}.
 * @throws {@link ParameterError} also if it means several (`top5`).
 */
export function resolveTarget(text: string, facts: ClassFacts): Target {
  const [target, ...more] = resolveTargets(text, facts);
  if (target === undefined || more.length > 0) {
    throw new ParameterError(
      `target: expected one class, got '${text}', which means ${more.length + 1}. Explain them one after the other, or use rank2 for the second alone.`,
    );
  }
  return target;
}

/**
 * A class index as a target.
 * @throws {@link ParameterError} for an index that the model does not have.
 */
export function checkedIndex(index: number, classCount: number): number {
  if (Number.isInteger(index) && index >= 0 && index < classCount) return index;
  throw new ParameterError(
    `target: expected a class index from 0 to ${classCount - 1}, got ${index}. Use top1 for the predicted class.`,
  );
}

function classesOf(text: string, { logits, labels, outputCount }: ClassFacts): readonly number[] {
  const output = /^output:(\d+)$/i.exec(text)?.[1];
  if (output !== undefined) {
    const count = outputCount ?? logits.length;
    if (Number(output) >= count) {
      throw new ParameterError(
        `target: expected an output from output:0 to output:${count - 1}, got '${text}'. The network has ${count}.`,
      );
    }
    // The pair of a single output is its negative and itself.
    return [count === 1 ? 1 : Number(output)];
  }
  const ranked = /^(top|rank)([1-9]\d*)$/i.exec(text);
  if (ranked !== null) {
    const count = Number(ranked[2]);
    if (count > logits.length) {
      throw new ParameterError(
        `target: expected at most ${logits.length} classes, got '${text}'. The model has no more.`,
      );
    }
    const order = Array.from({ length: logits.length }, (_, index) => index).sort(
      (a, b) => (logits[b] ?? 0) - (logits[a] ?? 0),
    );
    return ranked[1]?.toLowerCase() === "top" ? order.slice(0, count) : order.slice(count - 1, count);
  }
  if (/^[+-]?\d+$/.test(text)) return [checkedIndex(Number(text), logits.length)];
  return [namedClass(text, labels)];
}

function namedClass(text: string, labels: readonly string[] | undefined): number {
  if (labels === undefined) {
    throw new ParameterError(
      `target: expected top1, rank2 or an index, got '${text}'. The model knows no class names: give it labels to use them.`,
    );
  }
  const wanted = text.toLowerCase();
  const lower = labels.map((label) => label.toLowerCase());
  const matches: readonly ((label: string) => boolean)[] = [
    (label) => label === wanted,
    (label) => label.split(",").some((name) => name.trim() === wanted),
    (label) => label.split(",").some((name) => name.trim().startsWith(wanted)),
    (label) => label.includes(wanted),
  ];
  for (const match of wanted === "" ? [] : matches) {
    const found = lower.flatMap((label, index) => (match(label) ? [index] : []));
    if (found.length === 1 && found[0] !== undefined) return found[0];
    if (found.length > 1) {
      const names = found.slice(0, 5).map((index) => `${index} '${labels[index] ?? ""}'`);
      throw new ParameterError(
        `target: expected one class, got '${text}', which fits ${found.length}: ${names.join(", ")}${found.length > 5 ? ", ..." : ""}. Give the index.`,
      );
    }
  }
  const nearest = nearestNames(text, labels).map((name) => `'${name}'`);
  throw new ParameterError(`target: no class named '${text}'. Nearest: ${nearest.join(", ")}.`);
}
