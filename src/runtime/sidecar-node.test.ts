import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeTinyClassifier } from "../../tests/support/tiny-classifier.ts";
import { loadModel, type NodeModel } from "../node.ts";
import { hasNumberedLabelsBeside, labelsBeside, preprocessBeside } from "./sidecar-node.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sidecar-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: object | string): void =>
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
const path = (name = "model.onnx"): string => join(folder, name);

const huggingFace = {
  image_processor_type: "ViTImageProcessor",
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
  size: { height: 16, width: 16 },
};
const timm = {
  architecture: "resnet50",
  pretrained_cfg: { mean: [0.1, 0.2, 0.3], std: [1, 1, 1], interpolation: "bicubic", crop_pct: 0.95 },
};

describe("preprocessBeside", () => {
  it("takes the description of this model before what is published with it", () => {
    write("model.preprocess.json", { preset: "caffe-bgr" });
    write("preprocessor_config.json", huggingFace);
    expect(preprocessBeside(path())?.path).toBe(path("model.preprocess.json"));
  });

  it("reads Hugging Face's and timm's files", () => {
    write("config.json", timm);
    expect(preprocessBeside(path())?.preprocess).toMatchObject({
      resize: { mode: "crop", filter: "bicubic", cropFraction: 0.95 },
      normalization: { mean: [0.1, 0.2, 0.3] },
    });
    write("preprocessor_config.json", huggingFace);
    expect(preprocessBeside(path())).toMatchObject({
      path: path("preprocessor_config.json"),
      preprocess: { normalization: { mean: [0.5, 0.5, 0.5] } },
    });
  });

  it("looks above a folder called onnx, and above no other", () => {
    write("preprocessor_config.json", huggingFace);
    for (const name of ["onnx", "other"]) mkdirSync(path(name));
    expect(preprocessBeside(join(folder, "onnx", "model.onnx"))).toBeDefined();
    expect(preprocessBeside(join(folder, "other", "model.onnx"))).toBeUndefined();
  });

  it("leaves files of that name alone that are something else", () => {
    write("config.json", "not json");
    write("preprocessor_config.json", { feature_extractor_type: "WhisperFeatureExtractor" });
    expect(preprocessBeside(path())).toBeUndefined();
  });
});

describe("labelsBeside", () => {
  it("reads id2label where it holds names", () => {
    write("config.json", { id2label: { 0: "cat", 1: "dog" } });
    expect(labelsBeside(path())).toEqual(["cat", "dog"]);
    write("config.json", { id2label: { 0: "LABEL_0", 1: "LABEL_1" } });
    expect(labelsBeside(path())).toBeUndefined();
  });

  it("knows numbered lines", () => {
    write("labels.txt", "0 cat\n1 dog\n");
    expect(labelsBeside(path())).toEqual(["cat", "dog"]);
    expect(hasNumberedLabelsBeside(path())).toBe(true);
    write("labels.txt", "cat\ndog\n");
    expect(hasNumberedLabelsBeside(path())).toBe(false);
  });
});

describe("a model that is loaded with files beside it", () => {
  const loaded = async (use: (model: NodeModel) => void): Promise<void> => {
    const model = await loadModel(writeTinyClassifier(path(), { classCount: 2 }), { threads: 1 });
    use(model);
    await model.close();
  };

  it("says where its preprocessing comes from", async () => {
    write("preprocessor_config.json", huggingFace);
    write("config.json", { id2label: { 0: "cat", 1: "dog" } });
    await loaded((model) => {
      expect(model.description.preprocessSource).toBe(path("preprocessor_config.json"));
      expect(model.preprocess.normalization.mean).toEqual([0.5, 0.5, 0.5]);
      expect(model.labels).toEqual(["cat", "dog"]);
    });
  });

  it("says where the preprocessing comes from", async () => {
    writeTinyClassifier(path(), { classCount: 2 });
    await loaded((model) => expect(model.description.preprocessSource).toBe("assumed"));
    write("preprocessor_config.json", huggingFace);
    await loaded((model) =>
      expect(model.description.preprocessSource).toBe(path("preprocessor_config.json")),
    );
  });

  it("keeps its own size where another is published", async () => {
    write("preprocessor_config.json", { ...huggingFace, size: { height: 32, width: 32 } });
    await loaded((model) => expect([model.height, model.width]).toEqual([16, 16]));
  });
});
