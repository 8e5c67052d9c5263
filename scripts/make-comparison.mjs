// Makes docs/gallery/comparison.png: the methods of the paper's figures 3 and 5 side by side, on photographs with one object, several
// objects of one class, and objects of several classes. Needs the program built: npm run build.
import { explain, loadModel, writeImage } from "../dist/node.js";
import { decodeImage } from "../dist/image/decode-node.js";
import { fromRgba, toRgba } from "../dist/image/decoded-image.js";
import { renderFigure } from "../dist/image/figure.js";
import { renderOverlay } from "../dist/image/overlay.js";
import { preprocess } from "../dist/image/preprocess.js";
import { resize } from "../dist/image/resize.js";

const methods = [
  ["grad-cam", "Grad-CAM"],
  ["grad-cam-pp", "Grad-CAM++"],
  ["wgrad-cam", "WGradCAM"],
  ["xrai", "XRAI"],
  ["meaningful-perturbation", "EMP"],
  ["i-gos", "I-GOS"],
  ["aop:grad-cam+i-gos", "Grad-CAM + I-GOS"],
  ["sigcam", "SIGCAM"],
];
const side = 224;

const model = await loadModel(undefined, { resize: "stretch" });

async function square(path, mirrored = false) {
  const decoded = await decodeImage(path);
  const crop = Math.min(decoded.width, decoded.height);
  const region = {
    left: (decoded.width - crop) / 2,
    top: (decoded.height - crop) / 2,
    width: crop,
    height: crop,
  };
  const image = toRgba(shrunk(decoded, side, side, region));
  if (!mirrored) return image;
  const data = new Uint8ClampedArray(image.data.length);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const from = 4 * (y * side + (side - 1 - x));
      data.set(image.data.subarray(from, from + 4), 4 * (y * side + x));
    }
  }
  return { ...image, data };
}

/** A picture at another size, 8 bits a channel. */
function shrunk(image, width, height, region) {
  const raster = resize(image, width, height, {
    filter: "bicubic",
    antialias: true,
    ...(region && { region }),
  });
  const data = Uint8Array.from(raster.data, (v) =>
    Math.max(0, Math.min(255, Math.round((v * 255) / image.white))),
  );
  return { ...image, width, height, data, white: 255 };
}

/** Two pictures side by side. */
function beside(a, b) {
  const data = new Uint8ClampedArray(2 * side * side * 4);
  for (let y = 0; y < side; y++) {
    data.set(a.data.subarray(4 * y * side, 4 * (y + 1) * side), 8 * y * side);
    data.set(b.data.subarray(4 * y * side, 4 * (y + 1) * side), 8 * y * side + 4 * side);
  }
  return { width: 2 * side, height: side, data };
}

const cat = await square("examples/chelsea.png");
const mirroredCat = await square("examples/chelsea.png", true);
const coffee = await square("examples/coffee.png");
const rows = [
  { caption: "one object", photo: toRgba(await decodeImage("examples/coffee.png")), target: "top1" },
  { caption: "two objects of one class", photo: beside(cat, mirroredCat), target: "tabby" },
  { caption: "two classes: this one", photo: beside(cat, coffee), target: "tabby" },
  { caption: "and that one", photo: beside(cat, coffee), target: "espresso" },
];

const panels = [];
for (const { caption, photo, target } of rows) {
  const { input, placement } = preprocess(fromRgba(photo), model.preprocess, model);
  let first = true;
  for (const [method, title] of methods) {
    const { map, record } = await explain({ model, input, method, target });
    if (first)
      panels.push({
        image: photo,
        title: record.target.label,
        note: `${caption}, p = ${record.score.probability.toFixed(3)}`,
      });
    first = false;
    panels.push({ image: renderOverlay(photo, map, { placement }), title });
    console.log(`${record.target.label} ${method}: ${(record.elapsedMs / 1000).toFixed(1)} s`);
  }
}
await model.close();
// Drawn at full size and shrunk, so that the overlays stay smooth and the file small.
const figure = fromRgba(renderFigure(panels, { columns: methods.length + 1 }));
const [width, height] = [figure.width, figure.height].map((pixels) => Math.round(pixels / 3));
await writeImage("docs/gallery/comparison.png", toRgba(shrunk(figure, width, height)));
