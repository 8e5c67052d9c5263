import { it } from "vitest";
import { loadModel } from "../src/node.ts";
import { randomStream } from "../src/random/random-stream.ts";
import { smoothImage } from "../src/runtime/smooth-image.ts";
it("x", async () => {
  for (const name of ["cnn", "cnn-qdq", "vit-qdq", "vit-4-bit"]) {
  const model = await loadModel(`tests/models/compat/${name}.onnx`, { threads: 1 });
  const input = smoothImage(model, randomStream(0, "image"));
  const { gradient, logits } = await model.gradient(input, { target: { index: 0 } });
  console.log(name, logits.data.join(), gradient?.data.slice(500, 510).join(), input.data.slice(500,505).join());
  const t = new Map<string, number>(); for (const n of model.network.graph.nodes) t.set(n.opType, (t.get(n.opType)??0)+1);
  console.log(JSON.stringify([...t]), model.network.input.layout, [...model.network.unknown].slice(0,3));
  await model.close(); }
  const model = await loadModel(`tests/models/compat/eleven-channels.onnx`, { threads: 1 });
  console.log([...model.network.roles].map(([n, r]) => n + ":" + r.map((x) => x.kind).join()).join("\n"));
  console.log(model.network.input);
});
