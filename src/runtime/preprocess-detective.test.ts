import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { Shape } from "../graph/graph.ts";
import { normalizationPresets, toInputSpace } from "../image/normalize.ts";
import { parsePreprocess } from "../image/preprocess-schema.ts";
import { readModel } from "../onnx/read.ts";
import { writeModel } from "../onnx/write.ts";
import type { ElementType } from "../tensor/tensor.ts";
import { analyseNetwork, type Network } from "./network.ts";
import { choosePreprocess, plausiblePreprocessing } from "./preprocess-detective.ts";

type Build = (g: GraphBuilder, x: string) => string;

interface Kind {
  readonly dims?: Shape;
  readonly type?: ElementType;
  readonly isSoftmax?: boolean;
}

/** A classifier that begins as given (and has its channels first from there on). */
function network(build: Build, kind: Kind = {}): Network {
  const g = GraphBuilder.empty(17);
  const x = build(g, g.input("x", kind.dims ?? ["batch", 3, 8, 8], kind.type ?? "float32"));
  const channels = g.size(x, 1);
  const weights = g.floats(
    Array.from({ length: 2 * channels }, (_, index) => index - 2),
    [2, channels, 1, 1],
  );
  const features = g.unary("Relu", g.node("Conv", [x, weights]));
  const logits = g.node("Flatten", [g.unary("GlobalAveragePool", features)], { axis: 1 });
  g.output(kind.isSoftmax === true ? g.node("Softmax", [logits], { axis: -1 }) : logits, "scores");
  return analyseNetwork(readModel(writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }).bytes));
}
const plain: Build = (_, x) => x;
const channelsLast: Build = (g, x) => g.transpose(x, [0, 3, 1, 2]);
const white = ({ preprocess }: ReturnType<typeof choosePreprocess>): number =>
  toInputSpace(preprocess.normalization, 0, 1);

describe("choosePreprocess", () => {
  it("believes what is stated", () => {
    const stated = { preprocess: parsePreprocess("caffe-bgr"), source: "a file" };
    expect(
      choosePreprocess(
        network((g, x) => g.div(x, 255)),
        { stated },
      ),
    ).toBe(stated);
  });

  it("assumes ImageNet's mean and deviation where nothing says more", () => {
    const found = choosePreprocess(network(plain), {});
    expect(found.source).toBe("assumed");
    expect(found.preprocess.normalization).toEqual(normalizationPresets.imagenet);
  });

  it.each<[string, Build]>([
    ["v / 255", (g, x) => g.div(x, 255)],
    ["v / 127.5 - 1", (g, x) => g.sub(g.div(x, 127.5), 1)],
    ["(v / 255 - mean) / std", (g, x) => g.div(g.sub(g.mul(x, 1 / 255), 0.45), 0.225)],
    ["v - mean", (g, x) => g.sub(x, g.floats([123.68, 116.78, 103.94], [3, 1, 1]))],
  ])("feeds 0..255 to a graph that begins with %s", (_, build) => {
    const found = choosePreprocess(network(build), {});
    expect(white(found)).toBeCloseTo(255, 3);
    expect(found.preprocess.normalization.channelOrder).toBe("RGB");
    expect(found.source).toMatch(/^graph: the graph begins with .*, so pixels go in as 0\.\.255$/);
  });

  it.each<[string, Build]>([
    ["(v - mean) / std", (g, x) => g.div(g.sub(x, 0.45), 0.225)],
    ["2 v - 1", (g, x) => g.sub(g.mul(x, 2), 1)],
    ["255 v - mean", (g, x) => g.sub(g.mul(x, 255), g.floats([123.68, 116.78, 103.94], [3, 1, 1]))],
  ])("feeds 0..1 to a graph that begins with %s", (_, build) => {
    expect(white(choosePreprocess(network(build), {}))).toBe(1);
  });

  it("feeds blue first where Caffe's means stand in that order", () => {
    const found = choosePreprocess(
      network((g, x) => g.sub(x, g.floats([103.939, 116.779, 123.68], [3, 1, 1]))),
      {},
    );
    expect(found.preprocess.normalization.channelOrder).toBe("BGR");
    expect(found.source).toContain("blue first");
  });

  it("draws no conclusion from a gain near 1", () => {
    expect(
      choosePreprocess(
        network((g, x) => g.add(g.mul(x, 0.9), 0.05)),
        {},
      ).source,
    ).toBe("assumed");
  });

  it("feeds bytes as bytes", () => {
    const found = choosePreprocess(
      network((g, x) => g.cast(x, "float32"), { type: "uint8" }),
      {},
    );
    expect(white(found)).toBeCloseTo(255, 3);
    expect(found.source).toContain("0..255");
  });

  it("guesses Teachable Machine by its labels, Keras by its layout", () => {
    const keras = network(channelsLast, { dims: ["batch", 224, 224, 3], isSoftmax: true });
    const teachable = choosePreprocess(keras, { hasNumberedLabels: true });
    expect(teachable.source).toContain("Teachable Machine");
    expect(teachable.preprocess.resize).toMatchObject({ mode: "crop", cropFraction: 1 });
    expect(teachable.preprocess.normalization).toEqual(normalizationPresets["minus-one-to-one"]);
    const found = choosePreprocess(keras, {});
    expect(found.source).toMatch(/^assumed: channels last/);
    expect(found.preprocess.normalization).toEqual(normalizationPresets["minus-one-to-one"]);
  });

  it("takes one channel as grey", () => {
    const found = choosePreprocess(network(plain, { dims: ["batch", 1, 8, 8] }), {});
    expect(found.preprocess.normalization.channelOrder).toBe("gray");
  });
});

describe("plausiblePreprocessing", () => {
  const candidates = (preset: string) =>
    plausiblePreprocessing(network(plain), { preprocess: parsePreprocess(preset), source: "stated" });

  it("begins with the chosen one and repeats none", () => {
    const found = candidates("zero-to-one");
    expect(found[0]).toMatchObject({ name: "zero-to-one", reason: "stated" });
    expect(found.map(({ name }) => name)).toEqual([
      "zero-to-one",
      "imagenet",
      "minus-one-to-one",
      "zero-to-255",
      "caffe-bgr",
      "zero-to-one, BGR",
    ]);
  });

  it("says how each is asked for", () => {
    for (const { option, preprocess } of candidates("imagenet")) {
      const { mean, std, channelOrder } = parsePreprocess(option).normalization;
      expect(channelOrder).toBe(preprocess.normalization.channelOrder);
      mean.forEach((value, channel) => expect(value).toBeCloseTo(preprocess.normalization.mean[channel]!, 6));
      std.forEach((value, channel) => expect(value).toBeCloseTo(preprocess.normalization.std[channel]!, 6));
    }
  });

  it("turns mean and deviation with the channels", () => {
    const swapped = candidates("imagenet").at(-1)?.preprocess.normalization;
    expect(swapped).toEqual({ mean: [0.406, 0.456, 0.485], std: [0.225, 0.224, 0.229], channelOrder: "BGR" });
  });

  it("offers grey ones for one channel", () => {
    const gray = network(plain, { dims: ["batch", 1, 8, 8] });
    const found = plausiblePreprocessing(gray, choosePreprocess(gray, {}));
    expect(found.map(({ preprocess }) => preprocess.normalization.channelOrder)).toEqual(
      Array.from({ length: 4 }, () => "gray"),
    );
  });
});
