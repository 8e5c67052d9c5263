import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { loadModel } from "../src/node.ts";
import { checkGradient } from "../src/runtime/check-gradient.ts";
import { randomStream } from "../src/random/random-stream.ts";
import { smoothImage } from "../src/runtime/smooth-image.ts";
import { tensor } from "../src/tensor/tensor.ts";

const folder = resolve(import.meta.dirname, "models/compat");
const names = readdirSync(folder)
  .filter((n) => n.endsWith(".onnx"))
  .map((n) => n.slice(0, -5));
it.each(names)("%s", async (name) => {
  const facts = tensor([1, 2, 3], [1, 3]);
  try {
    const model = await loadModel(join(folder, `${name}.onnx`), {
      threads: 1,
      ...(name.startsWith("two-inputs") ? { feeds: { facts } } : {}),
      ...(name === "dynamic-size" ? { size: [40, 24] } : {}),
    });
    const out: string[] = [];
    try {
      const input = smoothImage(model, randomStream(0, "image"));
      const l = await model.logits(input);
      out.push(`${model.network.batch.kind} logits ${l.data.slice(0, 3).join(",")}`);
      try {
        out.push(JSON.stringify(model.defaultLayer));
      } catch (e) {
        out.push("LAYER " + String(e));
      }
      const r = await checkGradient(
        model,
        input,
        { index: l.data.indexOf(Math.max(...l.data)) },
        randomStream(0, "check"),
        {},
      );
      out.push(
        `${r.verdict} ${r.gradient.error.toExponential(1)} ${r.random.error.toExponential(1)} ${JSON.stringify(r.batch)} ${r.reason}`,
      );
      out.push((await model.checkStack()) ?? "");
      out.push(model.notes.join(" | "));
    } catch (e) {
      out.push("RUN " + String(e).slice(0, 400));
    } finally {
      await model.close();
    }
    console.log(name + "\n  " + out.join("\n  "));
  } catch (e) {
    console.log(name + "\n  LOAD " + String(e).slice(0, 400));
  }
  expect(1).toBe(1);
});
