import { describe, expect, it } from "vitest";
import { formatMarkdown, formatText } from "./table.ts";

const table = {
  header: ["method", "cost"],
  rows: [
    ["grad-cam", 1],
    ["\u001b[32mrise\u001b[39m", 4000],
  ],
};

describe("formatText", () => {
  it("aligns numbers to the right and does not count colour codes", () => {
    expect(formatText(table)).toBe(
      "method    cost\n--------  ----\ngrad-cam     1\n\u001b[32mrise\u001b[39m      4000",
    );
  });
});

describe("formatMarkdown", () => {
  it("escapes what would end a cell", () => {
    expect(formatMarkdown({ header: ["a"], rows: [["x|y\nz"]] })).toBe("| a |\n| --- |\n| x\\|y z |");
  });
});
