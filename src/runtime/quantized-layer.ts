import { ModelError } from "../errors.ts";
import type { GraphBuilder } from "../graph/graph-builder.ts";

/** Which inputs of an operator are the scale and zero point of its result. */
const resultScale: Readonly<Record<string, readonly [scale: number, zeroPoint: number]>> = {
  QGemm: [7, 8],
  QLinearAdd: [6, 7],
  QLinearAveragePool: [3, 4],
  QLinearConcat: [0, 1],
  QLinearConv: [6, 7],
  QLinearGlobalAveragePool: [3, 4],
  QLinearLeakyRelu: [3, 4],
  QLinearMatMul: [6, 7],
  QLinearMul: [6, 7],
  QLinearSigmoid: [3, 4],
  QLinearSoftmax: [3, 4],
  QuantizeLinear: [1, 2],
};

/** Scale and zero point of a quantised value, by what made it; moved values have those of what was moved. */
function scaleOf(g: GraphBuilder, value: string): readonly string[] {
  for (let name = value; ;) {
    const producer = g.allNodes.find((node) => node.outputs.includes(name));
    const [scale, zeroPoint] = resultScale[producer?.opType ?? ""] ?? [];
    if (producer === undefined || (scale === undefined && (producer.inputs[0] ?? "") === "")) {
      throw new ModelError(
        `layer '${value}': holds integers whose scale is not known. Name another layer with --layer.`,
      );
    }
    if (scale !== undefined && zeroPoint !== undefined) {
      return [producer.inputs[scale] ?? "", producer.inputs[zeroPoint] ?? ""].filter((input) => input !== "");
    }
    name = producer.inputs[0] ?? "";
  }
}

function isFloat(g: GraphBuilder, value: string): boolean {
  return g.type(value).startsWith("float") || g.type(value) === "bfloat16";
}

/** A layer's value as float32: the real numbers that integers stand for. */
export function realNumbers(g: GraphBuilder, value: string): string {
  return isFloat(g, value)
    ? g.cast(value, "float32")
    : g.node("DequantizeLinear", [value, ...scaleOf(g, value)]);
}
