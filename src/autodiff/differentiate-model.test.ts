import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { readModel } from "../onnx/read.ts";
import { writeModel } from "../onnx/write.ts";
import { tensor } from "../tensor/tensor.ts";
import { differentiateModel } from "./differentiate-model.ts";

/** y = (x W) squared, then summed over pairs: two nodes of which the square is read twice. */
function smallModel() {
  const g = GraphBuilder.empty();
  const x = g.input("x", ["batch", 2]);
  const weight = g.constant(tensor([1, 2, 3, 4], [2, 2]));
  const hidden = g.matmul(x, weight);
  g.output(g.mul(hidden, hidden), "y");
  return { model: readModel(writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }).bytes), hidden };
}

async function run(
  bytes: Uint8Array,
  feeds: Record<string, Tensor>,
): Promise<InferenceSession.OnnxValueMapType> {
  const session = await InferenceSession.create(bytes);
  return session.run(feeds);
}

describe("differentiateModel", () => {
  it("gives the gradient at the input and at a value inside, for the outputs that the cotangent picks", async () => {
    const { model, hidden } = smallModel();
    const result = differentiateModel(model, { of: ["y"], wrt: ["x", hidden] });
    const outputs = await run(writeModel(result.model).bytes, {
      x: new Tensor("float32", [1, 1, 0, 1], [2, 2]),
      [result.cotangents["y"] ?? ""]: new Tensor("float32", [1, 0, 0, 1], [2, 2]),
    });
    // h = [4, 6] and [3, 4]; dh = 2 h c; dx = dh W^T
    expect(Array.from(outputs[result.gradients[hidden] ?? ""]?.data as Float32Array)).toEqual([8, 0, 0, 8]);
    expect(Array.from(outputs[result.gradients["x"] ?? ""]?.data as Float32Array)).toEqual([8, 24, 16, 32]);
    expect(Array.from(outputs["y"]?.data as Float32Array)).toEqual([16, 36, 9, 16]);
  });

  it("gives zeros for a value that the output does not depend on", async () => {
    const g = GraphBuilder.empty();
    const x = g.input("x", ["batch", 2]);
    const unused = g.input("unused", ["batch", 3]);
    g.output(g.mul(x, x), "y");
    g.output(unused, "z");
    const model = readModel(writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }).bytes);
    const result = differentiateModel(model, { of: ["y"], wrt: ["unused"] });
    const outputs = await run(writeModel(result.model).bytes, {
      x: new Tensor("float32", [1, 1], [1, 2]),
      unused: new Tensor("float32", [1, 1, 1], [1, 3]),
      [result.cotangents["y"] ?? ""]: new Tensor("float32", [1, 1], [1, 2]),
    });
    expect(Array.from(outputs[result.gradients["unused"] ?? ""]?.data as Float32Array)).toEqual([0, 0, 0]);
  });

  it("is linear in the cotangent", async () => {
    const { model } = smallModel();
    const result = differentiateModel(model, { of: ["y"], wrt: ["x"] });
    const { bytes } = writeModel(result.model);
    const at = async (scale: number): Promise<readonly number[]> => {
      const outputs = await run(bytes, {
        x: new Tensor("float32", [1, 1], [1, 2]),
        [result.cotangents["y"] ?? ""]: new Tensor("float32", [scale, -scale], [1, 2]),
      });
      return Array.from(outputs[result.gradients["x"] ?? ""]?.data as Float32Array);
    };
    expect(await at(3)).toEqual((await at(1)).map((value) => 3 * value));
  });

  it("names the operator, the node and the way out where a rule is missing", () => {
    const g = GraphBuilder.empty();
    const x = g.input("x", ["batch", 4]);
    g.output(g.node("Det", [g.reshape(x, ["batch", 2, 2])]), "y");
    const model = readModel(writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }).bytes);
    expect(() => differentiateModel(model, { of: ["y"], wrt: ["x"] })).toThrow(
      /^Det at node '.+': no gradient rule .+ rise/,
    );
  });
});
