import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyClassifier, writeTinyPhotographs } from "../../tests/support/tiny-classifier.ts";
import { loadImage, loadModel } from "../node.ts";
import { readModel } from "../onnx/read.ts";
import { writeModel } from "../onnx/write.ts";
import { probabilities } from "../runtime/model.ts";
import { formatTrials, tryPreprocessings } from "./inspect-image.ts";

let folder = "";
let path = "";
let photo = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "inspect-image-"));
  path = writeTinyClassifier(join(folder, "model.onnx"));
  photo = join(folder, "photo-0.png");
  await writeTinyPhotographs(folder, 1);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("tryPreprocessings", () => {
  it("gives under each preprocessing what the network says of it", async () => {
    const model = await loadModel(path, { threads: 1 });
    const { trials, picture } = await tryPreprocessings(model, photo);
    await model.close();
    expect(trials.map(({ isChosen }) => isChosen)).toEqual(trials.map((_, index) => index === 0));
    expect(picture.width).toBeGreaterThan(3 * 192);
    for (const { option, top } of trials) {
      const own = await loadModel(path, { threads: 1, preprocess: option });
      const { input } = await loadImage(photo, own);
      const expected = probabilities((await own.logits(input)).data, "softmax");
      await own.close();
      expect(top).toHaveLength(4);
      for (const { index, probability } of top) expect(probability).toBeCloseTo(expected[index]!, 4);
    }
  });

  it("begins with what the file's metadata state", async () => {
    const stated = join(folder, "stated.onnx");
    const { graph } = readModel(readFileSync(path));
    const metadata = new Map([
      ["Image.BitmapPixelFormat", "Bgr8"],
      ["Image.NominalPixelRange", "NominalRange_0_255"],
    ]);
    writeFileSync(stated, writeModel({ graph, opsets: new Map([["", 17]]), metadata }).bytes);
    const model = await loadModel(stated, { threads: 1, labels: ["a", "b", "c", "d"] });
    const { trials } = await tryPreprocessings(model, photo);
    await model.close();
    expect(trials[0]).toMatchObject({
      name: "stated",
      reason:
        "metadata of the file: Image.BitmapPixelFormat Bgr8, Image.NominalPixelRange NominalRange_0_255",
      option: '{"mean":[0],"std":[0.003921569],"channelOrder":"BGR"}',
    });
    expect(trials[0]?.top.map(({ label }) => label).sort()).toEqual(["a", "b", "c", "d"]);
    const table = await formatTrials(trials);
    expect(table).toContain("> stated");
    expect(table).toContain("--preprocess imagenet");
    // Red and blue the other way round is a preset here, and listed once.
    expect(trials.filter(({ name }) => name === "zero-to-255")).toHaveLength(1);
  });
});
