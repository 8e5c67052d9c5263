import { describe, expect, it } from "vitest";
import { smallModel } from "../../tests/support/small-model.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { Shape } from "../graph/graph.ts";
import { writeModel } from "../onnx/write.ts";
import { readModel } from "../onnx/read.ts";
import { analyseNetwork, type Network } from "./network.ts";
import { bottlenecks } from "./target-layer.ts";
import type { Layer } from "./model.ts";

type Build = (g: GraphBuilder, x: string) => string;

function analyse(build: Build, dims: Shape = ["batch", 3, 8, 12]): Network {
  const g = GraphBuilder.empty(17);
  g.output(build(g, g.input("x", dims)), "logits");
  return analyseNetwork(readModel(writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }).bytes));
}

/** The chosen layer in short: its operator, its size and how it lies. */
function chosen(build: Build, dims?: Shape): string | undefined {
  const network = analyse(build, dims);
  const [layer] = network.layers;
  return layer && short(network, layer);
}

function short({ graph }: Network, { name, channels, height, width, layout, prefixTokens }: Layer): string {
  const operator = graph.nodes.find(({ outputs }) => outputs.includes(name))?.opType ?? "";
  return `${operator} ${channels}x${height}x${width} ${layout}${prefixTokens === undefined ? "" : ` +${prefixTokens}`}`;
}

const wave = (g: GraphBuilder, dims: readonly number[]): string =>
  g.floats(
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, index) => Math.sin(index + 1)),
    dims,
  );
const conv = (g: GraphBuilder, x: string, channels: number, kernel = 3): string => {
  const pad = (kernel - 1) / 2;
  return g.node("Conv", [x, wave(g, [channels, g.size(x, 1), kernel, kernel])], {
    pads: [pad, pad, pad, pad],
  });
};
const relu = (g: GraphBuilder, x: string): string => g.unary("Relu", x);
const pooled = (g: GraphBuilder, x: string): string => g.unary("GlobalAveragePool", x);
const linear = (g: GraphBuilder, x: string): string => {
  const features = g.size(x, -1);
  return g.node("Gemm", [x, wave(g, [features, 4])]);
};
const head: Build = (g, x) => linear(g, g.reshape(pooled(g, x), ["batch", g.size(x, 1)]));

/** Patches `[batch, 24, 6]` of 2 x 2 pixels. */
const patches: Build = (g, x) => {
  const embedded = g.node("Conv", [x, wave(g, [6, 3, 2, 2])], { strides: [2, 2] });
  return g.transpose(g.reshape(embedded, ["batch", 6, 24]), [0, 2, 1]);
};
const withLeadingTokens = (g: GraphBuilder, x: string, count: number): string => {
  const batch = g.slice(g.node("Shape", [x]), [0], [1], [0]);
  const lead = g.node("Expand", [wave(g, [1, count, 6]), g.concat([batch, g.ints([count, 6])], 0)]);
  return g.concat([lead, x], 1);
};
/** x + attention(norm(x)), then x + mlp(x), as in a vision transformer. */
const block: Build = (g, x) => {
  const norm = (v: string): string =>
    g.node("LayerNormalization", [v, wave(g, [6]), wave(g, [6])], { axis: -1 });
  const project = (v: string): string => g.matmul(v, wave(g, [6, 6]));
  const y = norm(x);
  const weights = g.node("Softmax", [g.matmul(project(y), g.transpose(project(y), [0, 2, 1]))], { axis: -1 });
  const attended = g.add(x, project(g.matmul(weights, project(y))));
  return g.add(attended, project(relu(g, project(norm(attended)))));
};
const classToken = (g: GraphBuilder, x: string): string =>
  linear(
    g,
    g.node("Gather", [x, g.constant({ type: "int64", dims: [], data: new BigInt64Array(1) })], { axis: 1 }),
  );

describe("the target layer", () => {
  it("is the last activation before the pooling", () => {
    expect(chosen((g, x) => head(g, relu(g, conv(g, relu(g, conv(g, x, 5)), 7))))).toBe("Relu 7x8x12 NCHW");
  });

  it("is not the convolution of a squeeze-and-excitation gate", () => {
    const gated: Build = (g, x) => {
      const features = relu(g, conv(g, x, 5));
      return g.mul(features, g.unary("Sigmoid", conv(g, relu(g, conv(g, pooled(g, features), 2, 1)), 5, 1)));
    };
    expect(chosen((g, x) => head(g, gated(g, x)))).toBe("Mul 5x8x12 NCHW");
  });

  it("is not the one-dimensional convolution of an efficient channel attention", () => {
    const gated: Build = (g, x) => {
      const features = relu(g, conv(g, x, 5));
      const row = g.reshape(pooled(g, features), ["batch", 1, 5]);
      const gate = g.node("Conv", [row, wave(g, [1, 1, 3])], { pads: [1, 1] });
      return g.mul(features, g.reshape(g.unary("Sigmoid", gate), ["batch", 5, 1, 1]));
    };
    expect(chosen((g, x) => head(g, gated(g, x)))).toBe("Mul 5x8x12 NCHW");
  });

  it("joins all branches rather than taking the last of them", () => {
    const branches: Build = (g, x) => g.concat([relu(g, conv(g, x, 2)), relu(g, conv(g, x, 3, 1))], 1);
    expect(chosen((g, x) => head(g, branches(g, branches(g, x))))).toBe("Concat 5x8x12 NCHW");
  });

  it("is the sum of a residual block, not its last convolution", () => {
    expect(
      chosen((g, x) => {
        const first = relu(g, conv(g, x, 4));
        return head(g, g.add(first, conv(g, first, 4)));
      }),
    ).toBe("Add 4x8x12 NCHW");
  });

  it("lies before a classifier that is a 1 x 1 convolution after the pooling", () => {
    const classifier: Build = (g, x) =>
      g.reshape(conv(g, relu(g, conv(g, pooled(g, relu(g, conv(g, x, 5))), 6, 1)), 4, 1), ["batch", 4]);
    expect(chosen(classifier)).toBe("Relu 5x8x12 NCHW");
  });

  it("is a convolution to classes if the pooling comes after it", () => {
    expect(chosen((g, x) => g.reshape(pooled(g, relu(g, conv(g, x, 4, 1))), ["batch", 4]))).toBe(
      "Relu 4x8x12 NCHW",
    );
  });

  it("is what was pooled, not the pooling with a window of one", () => {
    const trivial: Build = (g, x) =>
      head(g, g.node("AveragePool", [relu(g, conv(g, x, 5))], { kernel_shape: [1, 1] }));
    expect(chosen(trivial)).toBe("Relu 5x8x12 NCHW");
  });

  it("is the same layer behind transposes of channels-last graphs", () => {
    const keras: Build = (g, x) => {
      const features = relu(g, conv(g, g.transpose(x, [0, 3, 1, 2]), 5));
      const last = g.transpose(features, [0, 2, 3, 1]);
      return linear(g, g.reduce("ReduceMean", last, [1, 2], false));
    };
    expect(chosen(keras, ["batch", 8, 12, 3])).toBe("Relu 5x8x12 NCHW");
  });

  it("is channels-last where the network computes channels-last", () => {
    const keras: Build = (g, x) => {
      const features = g.transpose(conv(g, g.transpose(x, [0, 3, 1, 2]), 5), [0, 2, 3, 1]);
      const active = g.node("HardSigmoid", [g.add(features, wave(g, [5]))]);
      return linear(g, g.reduce("ReduceMean", g.mul(active, active), [1, 2], false));
    };
    expect(chosen(keras, ["batch", 8, 12, 3])).toBe("Mul 5x8x12 NHWC");
  });

  it("is the grid of tokens that are averaged", () => {
    const mean: Build = (g, x) => linear(g, g.reduce("ReduceMean", block(g, patches(g, x)), [1], false));
    expect(chosen(mean)).toBe("Add 6x4x6 tokens +0");
  });

  it("is the image that windows are put together to", () => {
    const windowed: Build = (g, x) => {
      const features = conv(g, x, 6);
      const split = g.transpose(g.reshape(features, ["batch", 6, 2, 4, 3, 4]), [0, 2, 4, 3, 5, 1]);
      const attended = block(g, g.reshape(split, ["6*batch", 16, 6]));
      const whole = g.transpose(g.reshape(attended, ["batch", 2, 3, 4, 4, 6]), [0, 5, 1, 3, 2, 4]);
      return head(g, g.reshape(whole, ["batch", 6, 8, 12]));
    };
    expect(chosen(windowed)).toBe("Reshape 6x8x12 NCHW");
  });

  it("is none in a network without places", () => {
    const mlp: Build = (g, x) =>
      linear(g, relu(g, g.matmul(g.reshape(x, ["batch", 288]), wave(g, [288, 6]))));
    expect(chosen(mlp)).toBeUndefined();
  });

  describe("of a network that reads its class token only", () => {
    it.each([
      ["a class token", 1],
      ["a class and a distillation token", 2],
      ["a class and four register tokens", 5],
    ])("with %s is the output of the block before the last", async (_, count) => {
      const model = smallModel([3, 8, 12], (g, x) => {
        const tokens = withLeadingTokens(g, patches(g, x), count);
        const first = block(g, tokens);
        return classToken(g, block(g, first));
      });
      // Blind to the gradient it would be the last sum, whose grid the class token does not read.
      const sums = model.network.layers.map((layer) => short(model.network, layer));
      expect(sums.filter((text) => text.startsWith("Add"))).toHaveLength(4);
      await model.settleDefaultLayer();
      expect(short(model.network, model.defaultLayer)).toBe(`Add 6x4x6 tokens +${count}`);
      expect(model.defaultLayer.name).toBe(model.network.layers[2]?.name);
      expect(model.counts).toEqual({ forward: 0, gradient: 0 });
      await model.close();
    });

    it("is that too where old files spell normalisation out", async () => {
      const spelledOut: Build = (g, x) => {
        const centred = g.sub(x, g.reduce("ReduceMean", x, [2]));
        const deviation = g.unary("Sqrt", g.add(g.reduce("ReduceMean", g.pow(centred, 2), [2]), 1e-5));
        return g.add(g.mul(g.div(centred, deviation), wave(g, [6])), wave(g, [6]));
      };
      const model = smallModel([3, 8, 12], (g, x) => {
        const first = block(g, withLeadingTokens(g, patches(g, x), 1));
        return classToken(g, spelledOut(g, block(g, first)));
      });
      await model.settleDefaultLayer();
      const sums = model.network.layers.filter((layer) => short(model.network, layer).startsWith("Add"));
      expect(short(model.network, model.defaultLayer)).toBe("Add 6x4x6 tokens +1");
      // After it come the normalisation's own sum and the two of the last block.
      expect(model.defaultLayer.name).toBe(sums[3]?.name);
      await model.close();
    });
  });
});

describe("bottlenecks", () => {
  it("are the values that every path passes, without shape code and dead ends", () => {
    const g = GraphBuilder.empty(17);
    const x = g.input("x", ["batch", 3, 8, 8]);
    const a = relu(g, x);
    const b = g.add(g.unary("Neg", a), a);
    g.unary("Abs", a);
    const c = g.node("Reshape", [b, g.node("Shape", [a])]);
    const logits = g.unary("Exp", c);
    g.output(logits);
    expect(bottlenecks(g.build(), x, logits)).toEqual([a, b, c, logits]);
  });
});
