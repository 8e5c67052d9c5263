import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphBuilder } from "../src/graph/graph-builder.ts";
import { writeModel } from "../src/onnx/write.ts";
import { convolution, pooledClassifier, randomTensor } from "./support/small-model.ts";
import { repository } from "./support/run-cli.ts";

const side = 64;
const folder = mkdtempSync(join(tmpdir(), "onnx-saliency-memory-"));
const model = join(folder, "small.onnx");

beforeAll(() => {
  const g = GraphBuilder.empty(17, "small");
  const x = g.input("x", ["batch", 3, side, side]);
  const pooled = g.node("AveragePool", [x], { kernel_shape: [8, 8], strides: [8, 8] });
  const layer = g.unary("Relu", convolution(g, pooled, randomTensor([4, 3, 3, 3], 0.4, 1)));
  g.output(pooledClassifier(g, layer, randomTensor([2, 4], 0.3, 2)), "logits");
  writeFileSync(model, writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }).bytes);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The most memory, in MB, that a process of its own takes for a map of so many masks. */
function peakMegabytes(masks: number): number {
  const program = `
    import { explain, loadModel, tensor } from ${JSON.stringify(pathToFileURL(join(repository, "dist/node.js")).href)};
    const model = await loadModel(${JSON.stringify(model)}, { threads: 1 });
    const input = tensor(Float32Array.from({ length: 3 * ${side} ** 2 }, (_, index) => Math.sin(index)), [1, 3, ${side}, ${side}]);
    const { record } = await explain({ model, input, method: "rise", params: { masks: ${masks} } });
    await model.close();
    console.log(JSON.stringify({ masks: record.counts.forward, peak: process.resourceUsage().maxRSS / 1024 }));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
  });
  const { masks: made, peak } = JSON.parse(output) as { readonly masks: number; readonly peak: number };
  expect(made).toBe(masks);
  return peak;
}

describe("memory", () => {
  it("of RISE does not grow with the number of masks", () => {
    const few = peakMegabytes(500);
    const many = peakMegabytes(8000);
    // All masks at the size of the image would take 131 MB, blended images 393 MB; the garbage of a run takes some of this.
    expect(many - few, `${few.toFixed(0)} MB with 500 masks, ${many.toFixed(0)} MB with 8000`).toBeLessThan(
      48,
    );
  }, 60_000);
});
