import { it } from "vitest";
import { readFileSync, writeFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { readModelFile } from "./runtime/model-file-node.ts";
import { analyseNetwork } from "./runtime/network.ts";
import { buildProgramGraph } from "./runtime/program-graph.ts";
import { writeModel } from "./onnx/write.ts";
import { sharedModelPath } from "../tests/support/shared-models.ts";
it("x", async () => {
  for (const name of (process.env["NETS"] ?? "resnet50").split(",")) {
    const path = name === "lite0" ? "models/efficientnet-lite0.onnx" : sharedModelPath(name);
    const onnx = readModelFile(path);
    const network = analyseNetwork(onnx);
    const program = buildProgramGraph(
      network,
      { key: "g", wrt: ["image"], outputs: ["gradient:image"] },
      () => {
        throw new Error();
      },
    );
    const { bytes, externalFiles } = writeModel({
      graph: program.graph,
      opsets: new Map(onnx.opsets).set("", program.opset),
      irVersion: 8,
      files: onnx.files,
    });
    writeFileSync(`/tmp/${name}.fb.onnx`, bytes);
    const session = await InferenceSession.create(bytes, {
      enableMemPattern: false,
      intraOpNumThreads: 2,
      enableProfiling: true,
      profileFilePrefix: `/tmp/prof_${name}`,
      optimizedModelFilePath: `/tmp/${name}.opt.onnx`,
      extra: {
        session: {
          model_external_initializers_file_folder_path: sharedModelPath(name).replace("/model.onnx", ""),
        },
      },
    } as any);
    const n = 8;
    const feeds: any = {
      [program.inputs["image"]!]: new Tensor(
        "float32",
        new Float32Array(n * 3 * 224 * 224).map(() => Math.random() * 4 - 2),
        [n, 3, 224, 224],
      ),
    };
    for (const [k, c] of Object.entries(program.cotangents)) {
      const d = new Float32Array(n * 1000);
      if (k === "logits") for (let i = 0; i < n; i++) d[i * 1000 + 3] = 1;
      feeds[c!] = new Tensor("float32", d, [n, 1000]);
    }
    for (let i = 0; i < 6; i++) await session.run(feeds);
    (session as any).endProfiling();
    await session.release();
  }
});
