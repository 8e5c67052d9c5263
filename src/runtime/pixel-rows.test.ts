import { expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import type { Graph } from "../graph/graph.ts";
import { readModel } from "../onnx/read.ts";
import { writeModel } from "../onnx/write.ts";
import { inProcessRuntime } from "../../tests/support/in-process-runtime.ts";
import { tensor } from "../tensor/tensor.ts";
import { findImageInput } from "./image-input.ts";
import { GraphModel } from "./graph-model.ts";
import { analyseNetwork } from "./network.ts";
import { withPixelRows } from "./pixel-rows.ts";

/** Two scores of a row: weights 1, 2, 3 ... and the same from the end. */
function rowGraph(length: number): Graph {
  const g = GraphBuilder.empty(17);
  const x = g.input("x", ["batch", length]);
  const rising = Array.from({ length }, (_, index) => index + 1);
  const weights = tensor([...rising, ...rising.toReversed()], [2, length]);
  g.output(g.node("Gemm", [x, g.constant(weights)], { transB: 1 }), "scores");
  return g.build();
}

async function modelOf(length: number, size: readonly [number, number]): Promise<GraphModel> {
  const { bytes } = writeModel({ graph: rowGraph(length), opsets: new Map([["", 17]]), irVersion: 8 });
  const onnx = readModel(bytes);
  const normalization = { mean: [0], std: [1], channelOrder: "gray" } as const;
  const network = analyseNetwork(onnx, { size });
  return new GraphModel({ onnx, network, runtime: inProcessRuntime, normalization });
}

it("explains a row of numbers as the gray image that it is", async () => {
  const model = await modelOf(6, [2, 3]);
  const image = tensor([1, 0, 0, 0, 0, 2], [1, 1, 2, 3]);
  const { logits, gradient } = await model.gradient(image, { target: { index: 1 } });
  expect(Array.from(logits.data)).toEqual([1 + 2 * 6, 6 + 2]);
  expect(gradient?.dims).toEqual([1, 1, 2, 3]);
  expect(Array.from(gradient?.data ?? [])).toEqual([6, 5, 4, 3, 2, 1]);
  expect(model.network.notes).toEqual([
    "The file takes 6 numbers in a row; they are read as the pixels of an image of 2 x 3.",
  ]);
  expect(await model.compareWithFile(image, logits)).toEqual({ difference: 0 });
});

it("reads the numbers of a coloured pixel beside each other", async () => {
  const model = await modelOf(6, [1, 2]);
  // Red of both pixels, green of both, blue of both.
  const image = tensor([1, 2, 0, 0, 0, 1], [1, 3, 1, 2]);
  const { logits, gradient } = await model.gradient(image, { target: { index: 0 } });
  expect(logits.data[0]).toBe(1 + 2 * 4 + 6);
  expect(Array.from(gradient?.data ?? [])).toEqual([1, 4, 2, 5, 3, 6]);
  expect(await model.compareWithFile(image, logits)).toEqual({ difference: 0 });
});

it("says how a row is explained, and that the size must hold its numbers", () => {
  const graph = rowGraph(64);
  expect(withPixelRows(graph, undefined)).toEqual({ graph, isRow: false });
  expect(() => findImageInput(graph, undefined)).toThrow(
    "If the 64 numbers are the pixels of an image in a row, give its height and width, such as --size 8x8.",
  );
  expect(() => findImageInput(rowGraph(10), undefined)).toThrow("give its height and width with --size HxW.");
  expect(() => withPixelRows(graph, [7, 7])).toThrow(
    "expected one that makes an image of the 64 numbers of 'x', got 7 x 7",
  );
});
