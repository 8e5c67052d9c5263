import { InvalidArgumentError } from "@commander-js/extra-typings";
import type { Budget } from "../methods/explain.ts";

const secondsOf: Readonly<Record<string, number>> = { ms: 1e-3, s: 1, min: 60, h: 3600 };

/** `10s`, `1.5min` (also `ms` and `h`) is time; `500` is a number of evaluations. */
export function budgetOption(text: string): Budget {
  const [, digits = "", unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h)?$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  if (digits !== "" && value > 0) {
    if (unit !== undefined) return { seconds: value * (secondsOf[unit] ?? 1) };
    if (Number.isInteger(value)) return { evaluations: value };
  }
  throw new InvalidArgumentError(
    "Expected a time such as 10s or 2min, or a number of evaluations such as 500, above 0.",
  );
}
