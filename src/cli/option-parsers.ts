import type { ImageSize } from "../runtime/image-input.ts";
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** A parser for an option that takes a whole number in a range. */
export function integerOption(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    const range =
      maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw new InvalidArgumentError(`Expected a whole number ${range}.`);
  };
}

/** A parser for an option that takes a number in a range. */
export function numberOption(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`Expected a number from ${minimum} to ${maximum}.`);
  };
}

/** A parser for an option that can be given several times: the values in order. */
export function collect(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

/** A parser for an option that takes several values with commas between them, and can be given several times. */
export function collectList(text: string, previous: readonly string[] = []): readonly string[] {
  const values = text.split(",").map((value) => value.trim());
  if (values.includes("")) throw new InvalidArgumentError("Expected names with commas between them.");
  return [...previous, ...values];
}

/** A parser for the height and width of an image, `256x192`. */
export function sizeOption(text: string): readonly [height: number, width: number] {
  const [height, width, more] = anySizeOption(text);
  if (more !== undefined) throw new InvalidArgumentError("Expected height and width, for example 256x192.");
  return [height, width];
}

/** A parser for the height and width of an image, `256x192`, or the depth, height and width of a volume, `64x256x192`. */
export function anySizeOption(text: string): ImageSize {
  const isSize = /^[1-9]\d{0,4}(x[1-9]\d{0,4}){1,2}$/i.test(text.trim());
  const [first = 0, second = 0, third] = text.split(/x/i).map(Number);
  if (!isSize) throw new InvalidArgumentError("Expected height and width, for example 256x192.");
  return third === undefined ? [first, second] : [first, second, third];
}
