import { afterAll, describe, expect, it } from "vitest";
import { methodContext } from "../../../tests/support/method-context.ts";
import { smallModel } from "../../../tests/support/small-model.ts";
import type { GraphBuilder } from "../../graph/graph-builder.ts";
import type { Model } from "../../runtime/model.ts";
import { tensor } from "../../tensor/tensor.ts";
import { deconvnet } from "./deconvnet.ts";
import { gradient } from "./gradient.ts";
import { guidedBackprop } from "./guided-backprop.ts";

// z = v . f(W x), W of three units and four pixels; the first class has weights v.
const w = [
  [1, -2, 0.5, 3],
  [-1, 1, 2, -0.5],
  [2, 0.5, -1, -4],
];
const v = [1.5, -2, 0.5];
const x = [1, 0.25, -0.5, 1];
const hidden = w.map((row) => row.reduce((sum, weight, pixel) => sum + weight * x[pixel]!, 0));
const input = tensor(x, [1, 1, 2, 2]);

const open: Model[] = [];
afterAll(() => Promise.all(open.map((model) => model.close())));

function oneHiddenLayer(activation: (g: GraphBuilder, a: string) => string): Model {
  const model = smallModel([1, 2, 2], (g, image) => {
    const flat = g.reshape(image, ["batch", 4]);
    const first = g.node("Gemm", [flat, g.floats(w.flat(), [3, 4])], { transB: 1 });
    return g.node("Gemm", [activation(g, first), g.floats([...v, 0, 0, 0], [2, 3])], { transB: 1 });
  });
  open.push(model);
  return model;
}

/** W^T u, what a backward pass gives for the gradients u at the hidden layer. */
function throughWeights(u: readonly number[]): unknown[] {
  return [0, 1, 2, 3].map(
    (pixel) =>
      expect.closeTo(
        w.reduce((sum, row, unit) => sum + row[pixel]! * u[unit]!, 0),
        5,
      ) as unknown,
  );
}
async function attributionOf(method: typeof gradient, model: Model): Promise<number[]> {
  return [...(await method.explain(methodContext(method, model, input))).attribution!.data];
}

/** As ONNX Runtime's optimiser writes it: the activation is an attribute of the linear layer. */
function fusedHiddenLayer(): Model {
  const model = smallModel([1, 2, 2], (g, image) => {
    const flat = g.reshape(image, ["batch", 4]);
    const attributes = { transB: 1, activation: "Relu" };
    const [units = ""] = g.nodeMany(
      "FusedGemm",
      [flat, g.floats(w.flat(), [3, 4])],
      attributes,
      1,
      "com.microsoft",
    );
    return g.node("Gemm", [units, g.floats([...v, 0, 0, 0], [2, 3])], { transB: 1 });
  });
  open.push(model);
  return model;
}

describe.each([
  ["ReLU", oneHiddenLayer((g, a) => g.unary("Relu", a))],
  ["a ReLU that is fused into the linear layer", fusedHiddenLayer()],
])("on one hidden layer with %s", (_, model) => {
  const isOpen = hidden.map((value) => (value > 0 ? 1 : 0));

  it("has units that are open and shut, so that the rules differ", () => {
    expect(hidden).toEqual([3.25, -2.25, -1.375]);
  });
  it("the gradient stops where the unit is shut", async () => {
    expect(await attributionOf(gradient, model)).toEqual(
      throughWeights(v.map((value, unit) => value * isOpen[unit]!)),
    );
  });
  it("guided backpropagation also stops negative gradients", async () => {
    expect(await attributionOf(guidedBackprop, model)).toEqual(
      throughWeights(v.map((value, unit) => Math.max(value, 0) * isOpen[unit]!)),
    );
  });
  it("deconvnet only stops negative gradients, whatever the image", async () => {
    const expected = throughWeights(v.map((value) => Math.max(value, 0)));
    expect(await attributionOf(deconvnet, model)).toEqual(expected);
    const other = await deconvnet.explain(
      methodContext(deconvnet, model, tensor([-3, 1, 2, 0], [1, 1, 2, 2])),
    );
    expect([...other.attribution!.data]).toEqual(expected);
  });
  it("gives no warning", async () => {
    expect(
      (await guidedBackprop.explain(methodContext(guidedBackprop, model, input))).details,
    ).toBeUndefined();
  });
});

describe("on one hidden layer with ReLU6", () => {
  // Scaled so that the first unit is above 6.
  const model = oneHiddenLayer((g, a) => g.node("Clip", [g.mul(a, 3), g.scalar(0), g.scalar(6)]));

  it("guided backpropagation has the gate 0 < a < 6", async () => {
    expect(hidden[0]! * 3).toBeGreaterThan(6);
    expect(await attributionOf(guidedBackprop, model)).toEqual([0, 0, 0, 0]);
  });
  it("deconvnet has no gate", async () => {
    expect(await attributionOf(deconvnet, model)).toEqual(
      throughWeights(v.map((value) => 3 * Math.max(value, 0))),
    );
  });
});

describe("on other activations", () => {
  it("leaves a Clip that is no rectifier alone", async () => {
    const model = oneHiddenLayer((g, a) => g.node("Clip", [a, g.scalar(-10), g.scalar(10)]));
    expect(await attributionOf(guidedBackprop, model)).toEqual(await attributionOf(gradient, model));
  });
  it("equals the gradient of a network without rectifiers, and says so", async () => {
    const model = oneHiddenLayer((g, a) => g.unary("Tanh", a));
    expect(await attributionOf(deconvnet, model)).toEqual(await attributionOf(gradient, model));
    const { details } = await deconvnet.explain(methodContext(deconvnet, model, input));
    expect(details).toEqual({
      warnings: ["The network has no ReLU, so the result equals the plain gradient."],
    });
  });
  it("names the non-linearities that keep their own gradient", async () => {
    const model = oneHiddenLayer((g, a) => g.unary("Sigmoid", g.unary("Relu", a)));
    const { details } = await guidedBackprop.explain(methodContext(guidedBackprop, model, input));
    expect(details).toEqual({
      warnings: ["Only rectifiers are treated; these keep their own gradient: Sigmoid."],
    });
  });
});
