// Why an Egyptian cat and not a tabby? Explains each of the two best classes and the difference of their scores.
// node .cache/tools/examples/compare-classes.js [PHOTO]
import { explain, loadImage, loadModel, overlay, writeImage } from "onnx-saliency/node";

const [photo = "examples/chelsea.png"] = process.argv.slice(2);

const model = await loadModel();
const image = await loadImage(photo, model);
for (const target of ["top1", "rank2", "top1:vs:rank2"]) {
  const { map, record } = await explain({ model, input: image.input, method: "input-x-gradient", target });
  const picture = `class-${target.replaceAll(":", "-")}.png`;
  await writeImage(picture, overlay(image.photograph, map, { placement: image.placement, isSigned: true }));
  const { index, label, minus } = record.target;
  console.log(
    `${target}: ${label ?? index}${minus === undefined ? "" : ` against ${minus.label ?? minus.index}`}, ${picture}`,
  );
}
await model.close();
