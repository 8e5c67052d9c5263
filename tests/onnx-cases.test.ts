import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { differentiateModel } from "../src/autodiff/differentiate-model.ts";
import { nonDifferentiableOps } from "../src/autodiff/non-differentiable.ts";
import { vjps } from "../src/autodiff/vjps/index.ts";
import { readModel } from "../src/onnx/read.ts";
import { writeModel } from "../src/onnx/write.ts";
import { mersenneStream } from "../src/random/random-stream.ts";

/**
 * ONNX's own operator test models as inputs that nobody here wrote: every one whose operators have rules is
 * differentiated, run and compared with central differences. They come from a PyPI package (scripts/export-onnx-cases.py),
 * so the test runs only where their folder is named.
 */
const folder = process.env["ONNX_CASES"];
const names = folder === undefined ? [] : readdirSync(folder).filter((file) => file.endsWith(".onnx"));

/** Models whose inputs sit on a kink (0 of a leaky ReLU, ties of a maximum), or whose outputs are constant or infinite. */
const kinked =
  /acosh_example|elu_example|leakyrelu_example|thresholdedrelu_example|maxpool_2d_strides|reduce_(max|min)_(empty|default_axes_keepdims_ex)|l2normalization_axis_0|test_pow\.|fullymasked|nan_robustness/;
/** Operators whose further float inputs are parameters: scales, regions, sampling positions on pixel borders. */
const parametric = new Set(["Resize", "Upsample", "GridSample"]);

interface CaseInput {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: readonly (number | boolean | string)[];
}

function ortTensor({ type, dims, data }: CaseInput): Tensor {
  if (type === "int64") return new Tensor("int64", BigInt64Array.from(data as number[], BigInt), [...dims]);
  if (type === "bool") return new Tensor("bool", Uint8Array.from(data as boolean[], Number), [...dims]);
  if (type === "int32") return new Tensor("int32", Int32Array.from(data as number[]), [...dims]);
  if (type === "uint8") return new Tensor("uint8", Uint8Array.from(data as number[]), [...dims]);
  return new Tensor("float32", Float32Array.from(data as number[], Number), [...dims]);
}

/** The relative error of the gradient along a random direction, or why it was not measured. */
async function gradientError(name: string): Promise<number | string> {
  const model = readModel(readFileSync(join(folder ?? "", name)));
  const inputs = JSON.parse(
    readFileSync(join(folder ?? "", name.replace(/onnx$/, "json")), "utf8"),
  ) as Record<string, CaseInput>;
  const operators = model.graph.nodes.map((node) =>
    node.domain === "" ? node.opType : `${node.domain}:${node.opType}`,
  );
  const missing = operators.filter(
    (operator) => vjps[operator] === undefined && !model.functions.has(operator),
  );
  if (missing.length > 0)
    return missing.some((operator) => nonDifferentiableOps.has(operator))
      ? "no gradient by nature"
      : `no rule: ${missing.join()}`;
  if ((model.opsets.get("") ?? 0) > 24) return "an opset that ONNX Runtime does not run";
  const output = model.graph.outputs[0];
  if (output?.type !== "float32") return "no float output";
  // Shapes, axes and the like are read by the rules: constants of the model, as in real files.
  const isFixed = ([, { type, dims }]: readonly [string, CaseInput], position: number): boolean =>
    type !== "float32" ||
    dims.includes(0) ||
    (position > 0 && operators.some((operator) => parametric.has(operator)));
  const entries = Object.entries(inputs);
  const fixed = entries.filter(isFixed);
  const wrt = entries.filter((entry, position) => !isFixed(entry, position)).map(([input]) => input);
  if (kinked.test(name)) return "on a kink";
  const initializers = new Map(model.graph.initializers);
  for (const [input, value] of fixed) {
    const { type, dims, data } = ortTensor(value);
    initializers.set(input, {
      name: input,
      type: type,
      dims,
      data: { kind: "memory", tensor: { type: type, dims, data: data } },
    });
  }
  const shaped = model.graph.inputs
    .filter(({ name: input }) => !initializers.has(input))
    .map((input) => ({ ...input, dims: inputs[input.name]?.dims ?? input.dims }));
  const graph = { ...model.graph, inputs: shaped, initializers };
  let result;
  try {
    result = differentiateModel({ ...model, graph }, { of: [output.name], wrt, outputs: [output.name] });
  } catch (error) {
    return `refused: ${(error as Error).message}`;
  }
  const { bytes } = writeModel(result.model);
  let session: InferenceSession;
  try {
    const plain = await InferenceSession.create(writeModel({ ...model, graph }).bytes, {
      logSeverityLevel: 4,
    });
    await plain.release();
  } catch {
    return "ONNX Runtime does not run it";
  }
  session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
  const stream = mersenneStream(3);
  const feedsAt = (
    shift: number,
    directions: Readonly<Record<string, Float32Array>>,
  ): Record<string, Tensor> =>
    Object.fromEntries(
      shaped.map(({ name: input }) => {
        const base = ortTensor(inputs[input]!);
        const direction = directions[input];
        if (direction === undefined) return [input, base];
        return [
          input,
          new Tensor(
            "float32",
            (base.data as Float32Array).map((v, i) => v + shift * (direction[i] ?? 0)),
            [...base.dims],
          ),
        ];
      }),
    );
  const directions = Object.fromEntries(
    wrt.map((input) => [input, Float32Array.from(inputs[input]?.data ?? [], () => 2 * stream.uniform() - 1)]),
  );
  const here = await new Promise<InferenceSession.OnnxValueMapType>((resolve, reject) => {
    const probe = { ...feedsAt(0, {}) };
    InferenceSession.create(writeModel({ ...model, graph }).bytes, { logSeverityLevel: 4 })
      .then((plain) => plain.run(probe))
      .then(resolve, reject);
  });
  const y = here[output.name];
  if (y === undefined) return "no output";
  const v = Float32Array.from({ length: y.data.length }, () => 2 * stream.uniform() - 1);
  const cotangent = { [result.cotangents[output.name] ?? ""]: new Tensor("float32", v, [...y.dims]) };
  const run = (shift: number) => session.run({ ...feedsAt(shift, directions), ...cotangent });
  const gradients = await run(0);
  let analytic = 0;
  let size = 0;
  for (const input of wrt) {
    const gradient = gradients[result.gradients[input] ?? ""]?.data as Float32Array;
    gradient.forEach((value, i) => {
      const product = value * (directions[input]?.[i] ?? 0);
      analytic += product;
      size += product * product;
    });
  }
  let best = Infinity;
  for (const step of [1e-2, 3e-3, 1e-3]) {
    const [up, down] = [
      (await run(step))[output.name]?.data as Float32Array,
      (await run(-step))[output.name]?.data as Float32Array,
    ];
    const numeric = v.reduce(
      (sum, weight, i) => sum + (weight * ((up[i] ?? 0) - (down[i] ?? 0))) / (2 * step),
      0,
    );
    const scale = Math.max(Math.abs(analytic), Math.abs(numeric), Math.sqrt(size), 1e-5);
    best = Math.min(best, Math.abs(analytic - numeric) / scale);
  }
  await session.release();
  return best;
}

describe.skipIf(names.length === 0)("gradients of ONNX's operator test models", () => {
  it("agree with central differences wherever the operators have rules", async () => {
    const wrong: string[] = [];
    const skipped = new Map<string, number>();
    let checked = 0;
    for (const name of names) {
      let error: number | string;
      try {
        error = await gradientError(name);
      } catch (failure) {
        error = `failed: ${(failure as Error).message.slice(0, 160)}`;
        wrong.push(`${name}: ${error}`);
        continue;
      }
      if (typeof error === "string") skipped.set(error, (skipped.get(error) ?? 0) + 1);
      else if (Number.isNaN(error) || error > 2e-2) wrong.push(`${name}: ${error}`);
      else checked++;
    }
    console.log(`${checked} agree`, Object.fromEntries(skipped));
    expect(wrong).toEqual([]);
  });
});
