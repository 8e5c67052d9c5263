import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { Graph } from "../graph/graph.ts";
import { inferenceMode } from "./inference-mode.ts";

const vector = (g: GraphBuilder): string => g.floats([1, 2, 3], [3]);
const flag = (g: GraphBuilder, value: boolean): string =>
  g.constant({ type: "bool", dims: [], data: Uint8Array.of(value ? 1 : 0) });

function graphOf(build: (g: GraphBuilder, x: string) => readonly string[]): Graph {
  const g = GraphBuilder.empty(17);
  for (const output of build(g, g.input("x", ["batch", 3, 4, 4]))) g.output(output);
  return g.build();
}

const normalization = (g: GraphBuilder, x: string): readonly string[] => {
  const v = vector(g);
  return g.nodeMany("BatchNormalization", [x, v, v, v, v], { training_mode: 1 }, 3);
};

describe("inferenceMode", () => {
  it("uses the stored statistics of BatchNormalization on the way of the image, and says so", () => {
    const { graph, notes } = inferenceMode(graphOf((g, x) => normalization(g, x).slice(0, 1)));
    expect(graph.nodes[0]?.attributes).toEqual({});
    expect(graph.nodes[0]?.outputs).toHaveLength(1);
    expect(notes).toEqual([expect.stringContaining("exported in training mode (1 BatchNormalization)")]);
  });

  it("leaves weights standardised by BatchNormalization alone", () => {
    const standardised = graphOf((g, x) => {
      const weights = g.floats([1, 2, 3, 4, 5, 6], [2, 3, 1, 1]);
      return [g.node("Conv", [x, normalization(g, weights)[0] ?? ""])];
    });
    expect(inferenceMode(standardised)).toEqual({ graph: standardised, notes: [] });
  });

  it("leaves statistics alone that something reads", () => {
    const read = graphOf((g, x) => {
      const [y = "", mean = ""] = normalization(g, x);
      return [y, mean];
    });
    expect(inferenceMode(read).graph).toBe(read);
  });

  it("switches Dropout off that is on, and only then speaks of it", () => {
    const active = inferenceMode(graphOf((g, x) => [g.node("Dropout", [x, g.scalar(0.5), flag(g, true)])]));
    expect(active.graph.nodes[0]?.inputs).toHaveLength(2);
    expect(active.notes[0]).toContain("(1 Dropout)");
    const passive = graphOf((g, x) => [g.node("Dropout", [x, g.scalar(0.5), flag(g, false)])]);
    expect(inferenceMode(passive)).toEqual({ graph: passive, notes: [] });
  });
});
