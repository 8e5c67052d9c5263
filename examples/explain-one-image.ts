// From a model and a photograph to a picture in five lines.
// node .cache/tools/examples/explain-one-image.js [PHOTO [MODEL.onnx [PICTURE.png]]]
import { explain, loadImage, loadModel, overlay, writeImage } from "onnx-saliency/node";

const [photo = "examples/chelsea.png", modelFile, picture = "chelsea-explained.png"] = process.argv.slice(2);

const model = await loadModel(modelFile);
const image = await loadImage(photo, model);
const { map, record } = await explain({ model, input: image.input, method: "grad-cam" });
await writeImage(picture, overlay(image.photograph, map, { placement: image.placement }));
await model.close();

const { target, score, layer } = record;
console.log(
  `${target.label ?? target.index}, probability ${score.probability.toFixed(3)}, seen at ${layer}: ${picture}`,
);
