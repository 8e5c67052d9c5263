import { describe, expect, it } from "vitest";
import type { Graph, GraphNode, Shape } from "../graph/graph.ts";
import { floatTensor } from "../tensor/element-type.ts";
import { elementCount } from "../tensor/tensor.ts";
import { findImageInput } from "./image-input.ts";

const node = (
  opType: string,
  inputs: readonly string[],
  output: string,
  perm?: readonly number[],
): GraphNode => ({
  name: output,
  opType,
  domain: "",
  inputs,
  outputs: [output],
  attributes: perm === undefined ? {} : { perm: { kind: "ints", value: perm } },
});

/** A graph with inputs and, if `weight` is given, a convolution at the end of some nodes. */
function graph(
  inputs: Readonly<Record<string, Shape | undefined>>,
  nodes: readonly GraphNode[] = [],
  weight: readonly number[] = [],
): Graph {
  const tensor = floatTensor(
    "float32",
    Array.from({ length: elementCount(weight) }, () => 0),
    weight,
  );
  return {
    name: "g",
    inputs: Object.entries(inputs).map(([name, dims]) => ({ name, type: "float32", dims })),
    outputs: [],
    nodes,
    initializers: new Map([
      ["w", { name: "w", type: "float32", dims: weight, data: { kind: "memory", tensor } }],
    ]),
    valueInfo: new Map(),
  };
}

describe("findImageInput", () => {
  it.each<readonly [string, Shape, object]>([
    ["channels first", ["n", 3, 32, 48], { layout: "NCHW", channels: 3, height: 32, width: 48 }],
    ["channels last", ["n", 32, 48, 3], { layout: "NHWC", channels: 3, height: 32, width: 48 }],
    ["one channel", [1, 1, 28, 28], { layout: "NCHW", channels: 1, fixedBatch: 1 }],
    ["no batch", [48, 40, 3], { layout: "NHWC", height: 48, width: 40, isUnbatched: true }],
    ["open sizes", ["n", 3, "h", "w"], { layout: "NCHW", height: 224, width: 224, fixedBatch: undefined }],
  ])("reads %s", (_, dims, expected) => {
    expect(findImageInput(graph({ x: dims }), undefined)).toMatchObject(expected);
  });

  it("believes the first operator more than the sizes", () => {
    const conv = node("Conv", ["x", "w"], "y");
    expect(findImageInput(graph({ x: ["n", 11, 60, 4] }, [conv], [8, 11, 3, 3]), undefined)).toMatchObject({
      layout: "NCHW",
      channels: 11,
    });
    const turned = node("Transpose", ["x"], "t", [0, 3, 1, 2]);
    expect(findImageInput(graph({ x: ["n", "h", "w", "c"] }, [turned]), undefined)).toMatchObject({
      layout: "NHWC",
    });
  });

  it("asks the first convolution for the channels that the file leaves open", () => {
    const nodes = [node("Sub", ["x", "mean"], "s"), node("Conv", ["s", "w"], "y")];
    const open = graph({ pixel_values: undefined, x: ["n", "c", "h", "w"] }, nodes, [8, 1, 3, 3]);
    const only = { ...open, inputs: open.inputs.slice(1) };
    expect(findImageInput(only, undefined)).toMatchObject({ layout: "NCHW", channels: 1 });
  });

  it("takes a number a channel for no image, and asks for its value", () => {
    const inputs = { photo: ["batch", 64, 96, 3], "normalization/Sub/y:0": [1, 1, 1, 3] };
    expect(() => findImageInput(graph(inputs), undefined)).toThrow(
      "the model has 1 besides the image 'photo': normalization/Sub/y:0. Give each a value with --feed",
    );
  });

  it("names what it found instead of one image", () => {
    expect(() => findImageInput(graph({ ids: ["n", 128] }), undefined)).toThrow(
      "Inputs: expected one image of rank 4 ([batch, channels, height, width] or channels last) or one volume of rank 5, found ids float32 [n, 128].",
    );
    const two = graph({ left: ["n", 3, 8, 8], right: ["n", 3, 8, 8] });
    expect(() => findImageInput(two, undefined)).toThrow(/Fix the others with --feed NAME=VALUE/);
  });

  it("reads volumes and signals, and asks for sizes that have no usual value", () => {
    expect(findImageInput(graph({ scan: ["n", 1, 16, 24, 32] }), undefined)).toMatchObject({
      layout: "NCHW",
      channels: 1,
      depth: 16,
      height: 24,
      width: 32,
    });
    expect(() => findImageInput(graph({ scan: ["n", 1, "d", 24, 32] }), undefined)).toThrow(/--size DxHxW/);
    const signal = graph({ ecg: ["n", 12, 500] }, [node("Conv", ["ecg", "w"], "y")], [8, 12, 5]);
    expect(findImageInput(signal, undefined)).toMatchObject({
      isSignal: true,
      channels: 12,
      height: 1,
      width: 500,
    });
  });

  it("reads videos whose frames come before their channels", () => {
    const turned = graph(
      { video: ["n", 16, 3, 24, 32] },
      [node("Transpose", ["video"], "t", [0, 2, 1, 3, 4]), node("Conv", ["t", "w"], "y")],
      [8, 3, 3, 3, 3],
    );
    const wanted = { layout: "NTCHW", channels: 3, depth: 16, height: 24, width: 32 };
    expect(findImageInput(turned, undefined)).toMatchObject(wanted);
    // Frames that are cut up one by one.
    const apart = graph({ video: ["n", 16, 3, 24, 32] }, [node("Reshape", ["video", "shape"], "y")]);
    expect(findImageInput(apart, undefined)).toMatchObject(wanted);
    const eight = graph({ video: ["n", 8, 3, 24, 32] }, [node("Reshape", ["video", "shape"], "y")]);
    expect(findImageInput(eight, undefined)).toMatchObject({ ...wanted, depth: 8 });
    // A volume of many channels that a convolution takes as it lies.
    const volume = graph({ scan: ["n", 8, 3, 24, 32] }, [node("Conv", ["scan", "w"], "y")], [4, 8, 3, 3, 3]);
    expect(findImageInput(volume, undefined)).toMatchObject({ layout: "NCHW", channels: 8, depth: 3 });
  });

  it("keeps a size that the file fixes", () => {
    expect(() => findImageInput(graph({ x: ["n", 3, 32, 32] }), [64, 64])).toThrow(
      "size: expected 32 x 32, which the model fixes, got 64 x 64.",
    );
  });
});
