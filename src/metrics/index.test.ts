import { describe, expect, it } from "vitest";
import { metricByName, metrics } from "./index.ts";

describe("the table of metrics", () => {
  it("has unique kebab-case names and complete entries", () => {
    expect(new Set(metrics.map((metric) => metric.name)).size).toBe(metrics.length);
    for (const metric of metrics) {
      expect(metric.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(metric.summary).toMatch(/\.$/);
      expect(metric.paper.url).toMatch(/^https:/);
      expect(metric.params.parse({})).toBeTypeOf("object");
    }
  });

  it("lists the names when asked for another", () => {
    expect(() => metricByName("deletions")).toThrow(/deletion, insertion, .* got 'deletions'/);
  });
});
