import { describe, expect, it } from "vitest";
import { int64, tensor, type AnyTensor } from "../../tensor/tensor.ts";
import type { Attribute, Attributes, Graph, GraphNode, Initializer } from "../graph.ts";
import { reshapeRole } from "./batch-role.ts";
import { rebatch, type Rebatched } from "./rebatch.ts";

const int = (value: number): Attribute => ({ kind: "int", value });
const ints = (...value: readonly number[]): Attribute => ({ kind: "ints", value });
const node = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
): GraphNode => ({
  name: output,
  opType,
  domain: "",
  inputs,
  outputs: [output],
  attributes,
});

function freed(
  dims: readonly number[],
  weights: Readonly<Record<string, AnyTensor>>,
  ...nodes: readonly GraphNode[]
): Rebatched {
  const initializers = Object.entries(weights).map(([name, value]): [string, Initializer] => [
    name,
    { name, type: value.type, dims: value.dims, data: { kind: "memory", tensor: value } },
  ]);
  const graph: Graph = {
    name: "g",
    inputs: [{ name: "x", type: "float32", dims }],
    outputs: [{ name: "y", type: "float32", dims: undefined }],
    nodes,
    initializers: new Map(initializers),
    valueInfo: new Map(),
  };
  return rebatch(graph, 17, { inputs: { x: dims } });
}
const outcome = (result: Rebatched) =>
  result.kind === "fixed" ? result.reason : result.prepared.graph.outputs[0]?.dims;

const weight = (rows: number, columns: number): AnyTensor =>
  tensor(new Float32Array(rows * columns), [rows, columns]);

describe("rebatch", () => {
  it("frees a literal [1, 256] in front of the classifier", () => {
    const result = freed(
      [1, 16, 4, 4],
      { shape: int64([1, 256]), w: weight(256, 10) },
      node("Relu", ["x"], "a"),
      node("Reshape", ["a", "shape"], "b"),
      node("Gemm", ["b", "w"], "y"),
    );
    expect(outcome(result)).toEqual(["batch", 10]);
  });

  it("frees windows, which put the batch beside their number", () => {
    const result = freed(
      [1, 8, 8, 4],
      {
        split: int64([1, 2, 4, 2, 4, 4]),
        windows: int64([4, 16, 4]),
        back: int64([1, 256]),
        w: weight(256, 10),
      },
      node("Reshape", ["x", "split"], "a"),
      node("Transpose", ["a"], "b", { perm: ints(0, 1, 3, 2, 4, 5) }),
      node("Reshape", ["b", "windows"], "c"),
      node("Softmax", ["c"], "d"),
      node("Reshape", ["d", "back"], "e"),
      node("MatMul", ["e", "w"], "y"),
    );
    expect(outcome(result)).toEqual(["batch", 10]);
    expect(result.kind === "free" ? result.prepared.known.get("c")?.[1].dims : []).toEqual([12, 16, 4]);
  });

  it("repeats a class token for each image", () => {
    const result = freed(
      [1, 3, 4],
      { token: tensor([1, 2, 3, 4], [1, 1, 4]) },
      node("Concat", ["token", "x"], "y", { axis: int(1) }),
    );
    expect(outcome(result)).toEqual(["batch", 4, 4]);
  });

  it.each([
    ["takes the first image only", node("Gather", ["x", "zero"], "a", { axis: int(0) })],
    ["averages over the images", node("ReduceMean", ["x"], "a", { axes: ints(0) })],
    ["normalises over the images", node("Softmax", ["x"], "a", { axis: int(0) })],
    ["pairs every image with every other", node("MatMul", ["x", "xt"], "a")],
    ["cuts the batch off", node("Squeeze", ["x", "axis0"], "a")],
    ["is not known", node("Mystery", ["x"], "a")],
  ])("keeps a batch of 1 where a node %s", (_, culprit) => {
    const result = freed(
      [1, 6],
      { zero: int64([0], []), axis0: int64([0]) },
      node("Transpose", ["x"], "xt", { perm: ints(1, 0) }),
      culprit,
      node("Relu", ["a"], "y"),
    );
    expect(result.kind).toBe("fixed");
    expect(outcome(result)).toContain("at node 'a'");
  });

  it("keeps a batch of 1 where a factor is computed from the batch size", () => {
    const result = freed(
      [1, 6],
      { zero: int64([0], []) },
      node("Shape", ["x"], "s"),
      node("Gather", ["s", "zero"], "n"),
      node("Cast", ["n"], "f", { to: int(1) }),
      node("Mul", ["x", "f"], "y"),
    );
    expect(outcome(result)).toContain("computes with the batch size");
  });
});

describe("reshapeRole", () => {
  it("puts the batch where as many positions are before it as were", () => {
    expect(reshapeRole({ axis: 1, outer: 1 }, [49, 1, 64], [49, 2, 32])).toEqual({ axis: 1, outer: 1 });
    expect(reshapeRole({ axis: 1, outer: 1 }, [49, 1, 64], [49, 64])).toEqual({ axis: 0, outer: 49 });
    expect(reshapeRole({ axis: 1, outer: 1 }, [49, 1, 64], [98, 32])).toEqual({ axis: 0, outer: 49 });
    expect(reshapeRole({ axis: 0, outer: 49 }, [49, 64], [49, 1, 64])).toEqual({ axis: 1, outer: 1 });
    expect(reshapeRole({ axis: 1, outer: 1 }, [3, 1, 4], [2, 6])).toBeUndefined();
  });
});
