import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nonDifferentiableOps } from "../non-differentiable.ts";
import { vjpFamilies, vjps } from "./index.ts";

describe("the table of gradient rules", () => {
  it("has no operator in two families", () => {
    const names = vjpFamilies.flatMap((family) => Object.keys(family));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
  it("has no operator that is known to be without a gradient", () => {
    expect(Object.keys(vjps).filter((name) => nonDifferentiableOps.has(name))).toEqual([]);
  });
  it("has no operator that no test of this folder names", () => {
    const folder = import.meta.dirname;
    const tests = readdirSync(folder).filter((file) => file.endsWith(".test.ts") && file !== "index.test.ts");
    const text = tests.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
    const named = new Set([...text.matchAll(/\w+/g)].map(([word]) => word));
    const missing = Object.keys(vjps).filter((name) => !named.has(name.replace(/^com\.microsoft:/, "")));
    expect(missing).toEqual([]);
  });
});
