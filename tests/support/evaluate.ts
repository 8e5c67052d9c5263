import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Evaluate } from "../../src/autodiff/check-vjp.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { writeModel } from "../../src/onnx/write.ts";

/** The session of a graph, and how many runs of it have not ended. */
interface OpenGraph {
  readonly graph: Graph;
  readonly opset: number;
  readonly session: Promise<InferenceSession>;
  runs: number;
}
/** The graph that was run last: a central difference runs the same one three times, and making the session is most of the time. */
let last: OpenGraph | undefined;

async function release(entry: OpenGraph | undefined): Promise<void> {
  if (entry === undefined || entry === last || entry.runs > 0) return;
  const session = await entry.session.catch(() => undefined);
  await session?.release();
}

function openGraph(graph: Graph, opset: number): OpenGraph {
  if (last?.graph === graph && last.opset === opset) return last;
  const opsets = new Map([
    ["", opset],
    ["com.microsoft", 1],
  ]);
  const { bytes } = writeModel({ graph, opsets, irVersion: 8 });
  const session = InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  last = { graph, opset, session, runs: 0 };
  return last;
}

/** Runs a small graph on ONNX Runtime in this process. */
export const evaluate: Evaluate = async (graph, opset, feeds) => {
  const before = last;
  const entry = openGraph(graph, opset);
  entry.runs++;
  try {
    if (before !== entry) await release(before);
    const session = await entry.session;
    const wanted = Object.fromEntries(
      Object.entries(feeds)
        .filter(([name]) => session.inputNames.includes(name))
        .map(([name, { type, dims, data }]) => [
          name,
          new OrtTensor(type as "float32", data as Float32Array, [...dims]),
        ]),
    );
    const results = await session.run(wanted);
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        { type: "float32", dims, data: data as Float32Array },
      ]),
    );
  } finally {
    entry.runs--;
    await release(entry);
  }
};
