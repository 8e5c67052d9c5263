import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { throwIfAborted } from "../../src/errors.ts";
import type { Runtime, Session } from "../../src/runtime/session.ts";
import type { AnyTensor } from "../../src/tensor/tensor.ts";

/** ONNX Runtime in this process, on one thread: for small models in tests, where a worker would only cost time. */
export const inProcessRuntime: Runtime = {
  device: "cpu",
  async createSession({ bytes }): Promise<Session> {
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
    return {
      async run(feeds, fetches, signal) {
        throwIfAborted(signal);
        const tensors = Object.fromEntries(
          Object.entries(feeds).map(([name, value]) => [name, toOrt(value)]),
        );
        const wanted = Object.fromEntries(
          Object.entries(tensors).filter(([name]) => session.inputNames.includes(name)),
        );
        const results = await session.run(wanted, [...(fetches ?? session.outputNames)]);
        return Object.fromEntries(
          Object.entries(results).map(([name, { dims, data }]) => [
            name,
            { type: "float32", dims, data: data as Float32Array } as const,
          ]),
        );
      },
      release: () => session.release(),
    };
  },
  close: async () => {},
};

function toOrt({ type, dims, data }: AnyTensor): OrtTensor {
  return new OrtTensor(type as "float32", data as Float32Array, [...dims]);
}
