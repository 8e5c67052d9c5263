/**
 * Forward and backward of one score to the image, as a ratio to the model's own forward pass in ONNX Runtime: batch 8,
 * 2 threads, the two alternated in one process, medians. Also the time to load and differentiate.
 *
 * Arguments: [MODEL.onnx...]; default the embedded model. For the paper's networks give their files.
 */
import { basename, dirname } from "node:path";
import { writeModel } from "../src/onnx/write.ts";
import { embeddedModelPath } from "../src/node.ts";
import { readModelFile } from "../src/runtime/model-file-node.ts";
import { analyseNetwork } from "../src/runtime/network.ts";
import { buildProgramGraph } from "../src/runtime/program-graph.ts";
import { NodeRuntime } from "../src/runtime/session-node.ts";
import { filled, type AnyTensor } from "../src/tensor/tensor.ts";

const count = 8;
const runs = 9;
const paths = process.argv.length > 2 ? process.argv.slice(2) : [embeddedModelPath];

async function timed<T>(work: () => T | Promise<T>): Promise<readonly [milliseconds: number, result: T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

for (const path of paths) {
  const runtime = new NodeRuntime({ threads: 2 });
  const onnx = readModelFile(path);
  const own = await runtime.createSession(writeModel(onnx));
  const [load, { network, program, session }] = await timed(async () => {
    const fresh = readModelFile(path);
    const network = analyseNetwork(fresh);
    const program = buildProgramGraph(
      network,
      { key: "gradient", wrt: ["image"], outputs: ["gradient:image"] },
      () => {
        throw new Error("no layers here");
      },
    );
    const opsets = new Map(fresh.opsets).set("", program.opset);
    const written = writeModel({
      graph: program.graph,
      opsets,
      irVersion: Math.max(8, fresh.irVersion),
      files: fresh.files,
    });
    return { network, program, session: await runtime.createSession(written) };
  });
  const { channels, height, width, layout } = network.input;
  const pixels = Float32Array.from(
    { length: count * channels * height * width },
    (_, index) => 2 * Math.sin(index * 12.9898),
  );
  const dims = layout === "NCHW" ? [count, channels, height, width] : [count, height, width, channels];
  const image: AnyTensor = { type: "float32", dims, data: pixels };
  const classes = Math.max(network.tail.logitCount, 2);
  const feeds: Record<string, AnyTensor> = {
    [program.inputs["image"] ?? ""]: { ...image, dims: [count, channels, height, width] },
  };
  for (const [score, name] of Object.entries(program.cotangents)) {
    const cotangent = filled([count, classes]);
    if (score === "logits") for (let row = 0; row < count; row++) cotangent.data[row * classes + 1] = 1;
    feeds[name] = cotangent;
  }
  const forward: number[] = [];
  const gradient: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const [f] = await timed(() => own.run({ [network.input.name]: image }));
    const [fb] = await timed(() => session.run(feeds));
    // The first run of each allocates.
    if (run === 0) continue;
    forward.push(f / count);
    gradient.push(fb / count);
  }
  const name = basename(path) === "model.onnx" ? basename(dirname(path)) : basename(path);
  const ratios = gradient.map((value, index) => value / (forward[index] ?? Number.NaN));
  console.log(
    `${name}: forward ${median(forward).toFixed(1)} ms an image, forward + backward ${median(gradient).toFixed(1)} ms, ` +
      `ratio ${median(ratios).toFixed(2)} (of the fastest runs ${(Math.min(...gradient) / Math.min(...forward)).toFixed(2)}); ` +
      `read, differentiate and load ${(load / 1000).toFixed(2)} s`,
  );
  await runtime.close();
}
