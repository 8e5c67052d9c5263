import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Evaluate } from "../../src/autodiff/check-vjp.ts";
import { writeModel } from "../../src/onnx/write.ts";

/** Runs a small graph on ONNX Runtime in this process. */
export const evaluate: Evaluate = async (graph, opset, feeds) => {
  const opsets = new Map([
    ["", opset],
    ["com.microsoft", 1],
  ]);
  const { bytes } = writeModel({ graph, opsets, irVersion: 8 });
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, { type, dims, data }]) => [
      name,
      new OrtTensor(type as "float32", data as Float32Array, [...dims]),
    ]),
  );
  const wanted = Object.fromEntries(
    Object.entries(tensors).filter(([name]) => session.inputNames.includes(name)),
  );
  const results = await session.run(wanted);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, data }]) => [
      name,
      { type: "float32", dims, data: data as Float32Array },
    ]),
  );
};
