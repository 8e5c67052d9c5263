import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { Shape } from "../graph/graph.ts";
import { followAxes, type AxisRole } from "./axis-roles.ts";

const kinds = {
  NCHW: ["batch", "channel", "height", "width"],
  NHWC: ["batch", "height", "width", "channel"],
} as const;

/** The roles of the value that `build` makes of an image, in short: `batch channel height width`, `grid 4x6+1`. */
function rolesOf(
  dims: Shape,
  build: (g: GraphBuilder, x: string) => string,
  layout: keyof typeof kinds = "NCHW",
): string | undefined {
  const g = GraphBuilder.empty(17);
  const x = g.input("x", dims);
  const value = build(g, x);
  const roles = followAxes(
    g.build(),
    x,
    kinds[layout].map((kind) => ({ kind })),
    {
      dims: (name) => (g.has(name) ? g.dims(name) : undefined),
      constantValue: (name) => g.constantValue(name),
    },
  );
  const short = (role: AxisRole): string =>
    role.kind === "grid" ? `grid ${role.height}x${role.width}+${role.prefix}` : role.kind;
  return roles.get(value)?.map(short).join(" ");
}

const image: Shape = ["batch", 6, 8, 12];
const placed = "batch channel height width";
const zeros = (g: GraphBuilder, dims: readonly number[]): string =>
  g.floats(
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0),
    dims,
  );
const tokens = (g: GraphBuilder, x: string): string => g.transpose(g.reshape(x, ["batch", 6, 96]), [0, 2, 1]);
/** Tokens behind `count` others that are the same for every image. */
const withTokens = (g: GraphBuilder, x: string, count: number): string => {
  const grid = tokens(g, x);
  const lead = g.node("Expand", [
    zeros(g, [1, count, 6]),
    g.concat([g.slice(g.node("Shape", [grid]), [0], [1], [0]), g.ints([count, 6])], 0),
  ]);
  return g.concat([lead, grid], 1);
};

/** Patches of 2 x 2 merged into vectors, as Swin does between stages: `[batch, 4, 6, 4 * 6]`. */
const merged = (g: GraphBuilder, x: string): string => {
  const split = g.reshape(g.transpose(x, [0, 2, 3, 1]), ["batch", 4, 2, 6, 2, 6]);
  return g.reshape(g.transpose(split, [0, 1, 3, 4, 2, 5]), ["batch", 4, 6, 24]);
};

describe("followAxes", () => {
  it("regroups windows into others without putting the image together in between", () => {
    const regrouped = (g: GraphBuilder, x: string): string => {
      const others = g.reshape(g.reshape(x, ["batch", 6, 2, 4, 3, 4]), ["batch", 6, 4, 2, 4, 3]);
      return g.reshape(others, ["batch", 6, 8, 12]);
    };
    expect(rolesOf(image, regrouped)).toBe(placed);
    const odd = (g: GraphBuilder, x: string): string => {
      const others = g.reshape(g.reshape(x, ["batch", 6, 8, 3, 4]), ["batch", 6, 8, 4, 3]);
      return g.reshape(others, ["batch", 6, 8, 12]);
    };
    expect(rolesOf(image, odd)).toBe(placed);
  });

  it("takes patches merged into vectors and mixed for places of a coarser grid", () => {
    expect(rolesOf(image, merged)).not.toContain("height width");
    expect(rolesOf(image, (g, x) => g.matmul(merged(g, x), zeros(g, [24, 12])))).toBe(
      "batch height width channel",
    );
    const toConv = (g: GraphBuilder, x: string): string =>
      g.node("Conv", [g.transpose(merged(g, x), [0, 3, 1, 2]), zeros(g, [5, 24, 3, 3])], {
        pads: [1, 1, 1, 1],
      });
    expect(rolesOf(image, toConv)).toBe(placed);
  });

  it("follows convolution, pooling, padding and resizing", () => {
    const conv = (g: GraphBuilder, x: string): string =>
      g.node("Conv", [x, zeros(g, [5, 6, 3, 3])], { strides: [2, 2], pads: [1, 1, 1, 1] });
    expect(rolesOf(image, conv)).toBe(placed);
    expect(rolesOf(image, (g, x) => g.node("MaxPool", [x], { kernel_shape: [2, 2] }))).toBe(placed);
    expect(rolesOf(image, (g, x) => g.pad(x, [0, 0, 1, 1, 0, 0, 1, 1]))).toBe(placed);
    expect(
      rolesOf(image, (g, x) => g.node("Resize", [x, "", g.floats([1, 1, 2, 2], [4])], { mode: "linear" })),
    ).toBe(placed);
  });

  it("turns channels-last images and back", () => {
    expect(rolesOf(["batch", 8, 12, 6], (g, x) => g.transpose(x, [0, 3, 1, 2]), "NHWC")).toBe(placed);
    expect(rolesOf(image, (g, x) => g.transpose(x, [0, 2, 3, 1]))).toBe("batch height width channel");
  });

  it("sees a grid of tokens, and the image again in it", () => {
    expect(rolesOf(image, tokens)).toBe("batch grid 8x12+0 channel");
    expect(
      rolesOf(image, (g, x) => g.reshape(g.transpose(tokens(g, x), [0, 2, 1]), ["batch", 6, 8, 12])),
    ).toBe(placed);
  });

  it("does not take the transposed order of tokens for a grid", () => {
    const columnMajor = (g: GraphBuilder, x: string): string =>
      g.reshape(g.transpose(x, [0, 1, 3, 2]), ["batch", 6, 96]);
    expect(rolesOf(image, columnMajor)).toBe("batch channel other");
  });

  it.each([1, 2, 5])("counts %i tokens before the grid, and drops them again", (count) => {
    expect(rolesOf(image, (g, x) => withTokens(g, x, count))).toBe(`batch grid 8x12+${count} channel`);
    const dropped = (g: GraphBuilder, x: string): string =>
      g.slice(withTokens(g, x, count), [count], [2 ** 31], [1]);
    expect(rolesOf(image, dropped)).toBe("batch grid 8x12+0 channel");
  });

  it("keeps a grid with tokens behind it", () => {
    const behind = (g: GraphBuilder, x: string): string => {
      const grid = tokens(g, x);
      return g.concat([grid, g.slice(grid, [0], [2], [1])], 1);
    };
    expect(rolesOf(image, behind)).toBe("batch grid 8x12+0 channel");
    expect(rolesOf(image, (g, x) => g.slice(behind(g, x), [0], [96], [1]))).toBe("batch grid 8x12+0 channel");
  });

  it("knows that a class token alone is no place", () => {
    expect(rolesOf(image, (g, x) => g.slice(withTokens(g, x, 1), [0], [1], [1]))).toBe("batch other channel");
  });

  it("follows attention: rows of the queries, columns of the values", () => {
    const attention = (g: GraphBuilder, x: string): string => {
      const value = withTokens(g, x, 1);
      const heads = (v: string): string => g.transpose(g.reshape(v, ["batch", 97, 2, 3]), [0, 2, 1, 3]);
      const [q, k, v] = [heads(value), heads(value), heads(value)];
      const weights = g.node("Softmax", [g.matmul(q, g.transpose(k, [0, 1, 3, 2]))], { axis: -1 });
      return g.reshape(g.transpose(g.matmul(weights, v), [0, 2, 1, 3]), ["batch", 97, 6]);
    };
    expect(rolesOf(image, attention)).toBe("batch grid 8x12+1 channel");
  });

  it("follows every second token of a grid", () => {
    const halved = (g: GraphBuilder, x: string): string => {
      const rows = g.reshape(tokens(g, x), ["batch", 8, 12, 6]);
      return g.reshape(g.slice(rows, [0, 0], [8, 12], [1, 2], [2, 2]), ["batch", 24, 6]);
    };
    expect(rolesOf(image, halved)).toBe("batch grid 4x6+0 channel");
  });

  it("follows windows there and back, through what happens in them", () => {
    const windows = (g: GraphBuilder, x: string): string =>
      g.transpose(g.reshape(x, ["batch", 6, 2, 4, 3, 4]), [0, 2, 4, 3, 5, 1]);
    const inside = (g: GraphBuilder, x: string): string =>
      g.matmul(g.reshape(windows(g, x), ["6*batch", 16, 6]), zeros(g, [6, 6]));
    expect(rolesOf(image, inside)).toBe("other other channel");
    const back = (g: GraphBuilder, x: string): string => {
      const split = g.reshape(inside(g, x), ["batch", 2, 3, 4, 4, 6]);
      return g.reshape(g.transpose(split, [0, 5, 1, 3, 2, 4]), ["batch", 6, 8, 12]);
    };
    expect(rolesOf(image, back)).toBe(placed);
  });

  it("follows rows rolled by slicing and joining", () => {
    const rolled = (g: GraphBuilder, x: string): string =>
      g.concat([g.slice(x, [3], [8], [2]), g.slice(x, [0], [3], [2])], 2);
    expect(rolesOf(image, rolled)).toBe(placed);
  });

  it("follows group normalisation by reshaping", () => {
    const grouped = (g: GraphBuilder, x: string): string => {
      const groups = g.reshape(x, ["batch", 2, 288]);
      const normal = g.node("InstanceNormalization", [groups, g.floats([1, 1], [2]), g.floats([0, 0], [2])]);
      return g.reshape(normal, ["batch", 6, 8, 12]);
    };
    expect(rolesOf(image, grouped)).toBe(placed);
  });

  it("learns from an addition what mixing over places hid", () => {
    const mixed = (g: GraphBuilder, x: string): string => {
      const value = tokens(g, x);
      const hidden = g.matmul(g.transpose(value, [0, 2, 1]), zeros(g, [96, 96]));
      return g.add(g.transpose(hidden, [0, 2, 1]), value);
    };
    expect(rolesOf(image, mixed)).toBe("batch grid 8x12+0 channel");
  });

  it("follows labels of Einsum", () => {
    const scores = (g: GraphBuilder, x: string): string =>
      g.node("Einsum", [x, x], { equation: "bchw,bdhw->bhwd" });
    expect(rolesOf(image, scores)).toBe("batch height width channel");
  });

  it("keeps places through a gate from global pooling", () => {
    const gated = (g: GraphBuilder, x: string): string =>
      g.mul(x, g.unary("Sigmoid", g.node("GlobalAveragePool", [x])));
    expect(rolesOf(image, gated)).toBe(placed);
  });
});
