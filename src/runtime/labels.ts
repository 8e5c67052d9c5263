import { DataError } from "../errors.ts";

/**
 * Class names from the text of a file: one a line, a JSON list, or JSON with `id2label` (as Hugging Face writes it).
 *
 * @param name The file's name; what ends in `.json` is read as JSON.
 * @throws DataError for JSON that does not parse or holds no class names
 */
export function parseLabels(text: string, name: string): readonly string[] {
  if (!name.endsWith(".json")) return parseLines(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${name}: expected JSON, got text that does not parse (${(error as Error).message}).`,
      { cause: error },
    );
  }
  const table = Array.isArray(json) ? json : (json as { readonly id2label?: unknown } | null)?.id2label;
  if (typeof table !== "object" || table === null) {
    throw new DataError(
      `${name}: expected a list of class names, or an object with "id2label", got something else.`,
    );
  }
  const labels: string[] = [];
  for (const [key, value] of Object.entries(table as Record<string, unknown>)) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index > 1_000_000 || typeof value !== "string") {
      throw new DataError(
        `${name}: expected class names by index, got ${JSON.stringify(value)} at ${JSON.stringify(key)}.`,
      );
    }
    labels[index] = value;
  }
  return Array.from(labels, (label, index) => label ?? `class ${index}`);
}

/** True if the lines are numbered from 0 as Teachable Machine numbers them: `0 cat`, `1 dog`. */
export function isNumberedLabels(text: string): boolean {
  const lines = text.trimEnd().split(/\r?\n/);
  return lines.every((line, index) => new RegExp(`^${index} \\S`).test(line));
}

function parseLines(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  // Teachable Machine writes "0 cat", "1 dog"; ImageNet lists write "n01440764<tab>tench".
  const isNumbered = lines.every((line, index) => new RegExp(`^${index}[\\s:,]+\\S`).test(line));
  const isWordNet = lines.every((line) => /^n\d{8}\s+\S/.test(line));
  return lines.map((line) => (isNumbered || isWordNet ? line.replace(/^\S+[\s,]+/, "") : line).trim());
}
