/** A cell of a table. Numbers are aligned to the right. */
export type Cell = string | number;

/** Rows under a header; every row has as many cells as the header. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** The width that a text takes on a terminal: colour codes take none. */
function displayWidth(text: string): number {
  // oxlint-disable-next-line no-control-regex -- colour codes begin with the escape character
  return text.replace(/\u001b\[[0-9;]*m/g, "").length;
}

function columnWidths(lines: readonly (readonly string[])[]): readonly number[] {
  return (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => displayWidth(line[column] ?? ""))),
  );
}

/** Lines of text for a terminal: columns two spaces apart, a rule under the header. */
export function formatText({ header, rows }: Table): string {
  const lines = [header, ...rows.map((row) => row.map(String))];
  const widths = columnWidths(lines);
  const isNumeric = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"),
  );
  const format = (line: readonly string[]): string =>
    line
      .map((cell, column) => {
        const padding = " ".repeat((widths[column] ?? 0) - displayWidth(cell));
        return isNumeric[column] === true ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [format(header), rule, ...lines.slice(1).map(format)].join("\n");
}

/** A Markdown table; pipes and line breaks inside cells are escaped. */
export function formatMarkdown({ header, rows }: Table): string {
  const escape = (cell: Cell): string => String(cell).replaceAll("|", "\\|").replaceAll("\n", " ");
  const line = (cells: readonly Cell[]): string => `| ${cells.map(escape).join(" | ")} |`;
  return [line(header), `| ${header.map(() => "---").join(" | ")} |`, ...rows.map(line)].join("\n");
}
