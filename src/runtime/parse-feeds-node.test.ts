import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeNpy } from "../tensor/npy.ts";
import { tensor } from "../tensor/tensor.ts";
import { parseFeeds } from "./parse-feeds-node.ts";

describe("parseFeeds", () => {
  it("reads numbers, lists and truth values", () => {
    const feeds = parseFeeds(["age=63", "row=1,2.5,-3", "training=false"]);
    expect(feeds["age"]).toMatchObject({ dims: [], data: Float64Array.of(63) });
    expect(feeds["row"]).toMatchObject({ dims: [3], data: Float64Array.of(1, 2.5, -3) });
    expect(feeds["training"]).toMatchObject({ dims: [], data: Float64Array.of(0) });
  });

  it("reads arrays of NumPy", () => {
    const folder = mkdtempSync(join(tmpdir(), "feed-"));
    const path = join(folder, "facts.npy");
    writeFileSync(path, writeNpy(tensor([1, 2], [1, 2])));
    expect(parseFeeds([`facts=${path}`])["facts"]).toMatchObject({ type: "float32", dims: [1, 2] });
    rmSync(folder, { recursive: true });
  });

  it.each([
    ["age", "feed: expected NAME=VALUE or NAME=FILE.npy, got 'age'"],
    ["age=old", "feed: expected a number"],
    ["age=missing.npy", "feed: cannot read 'missing.npy'. Check the path."],
  ])("refuses %s", (text, message) => {
    expect(() => parseFeeds([text])).toThrow(message);
  });

  it("refuses a name that is given twice", () => {
    expect(() => parseFeeds(["a=1", "a=2"])).toThrow("feed: 'a' is given twice");
  });
});
