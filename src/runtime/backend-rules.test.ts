import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { tensor } from "../tensor/tensor.ts";
import { webGpuObstacle } from "./backend-rules.ts";

function convolution(kernel: number, pads: readonly number[]): ReturnType<GraphBuilder["build"]> {
  const g = GraphBuilder.empty(17);
  const x = g.input("x", ["batch", 2, 8, 8]);
  const weights = g.constant(tensor(new Float32Array(2 * kernel * kernel), [1, 2, kernel, kernel]));
  g.output(g.node("Conv", [x, weights], { pads: [...pads] }), "y");
  return g.build();
}

describe("webGpuObstacle", () => {
  it("names a convolution of 1 x 1 with padding, and no other", () => {
    expect(webGpuObstacle(convolution(1, [0, 0, 1, 1]))).toContain("1 x 1 with padding");
    expect(webGpuObstacle(convolution(1, [0, 0, 0, 0]))).toBeUndefined();
    expect(webGpuObstacle(convolution(3, [1, 1, 1, 1]))).toBeUndefined();
  });
});
