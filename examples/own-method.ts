// A method of one's own: the gradient of the score, blurred by averaging over small shifts of the image.
// node .cache/tools/examples/own-method.js [PHOTO]
import { defineMethod, explain, loadImage, loadModel, overlay, writeImage } from "onnx-saliency/node";
import { z } from "zod";

const shiftGrad = defineMethod({
  name: "shift-grad",
  title: "Gradient averaged over shifts",
  family: "gradient",
  needs: "gradients",
  paper: { authors: "an example", year: 2024, url: "https://arxiv.org/abs/1706.03825" },
  summary: "Mean magnitude of the gradient over copies of the image, each shifted by a few pixels.",
  params: z.strictObject({ shifts: z.int().min(1).max(64).default(4).describe("copies of the image") }),
  cost: ({ shifts }) => ({ f: 0, fb: shifts }),
  async explain({ model, input, target, params, random, signal, report }) {
    const [, channels = 0, height = 0, width = 0] = input.dims;
    const values = new Float32Array(height * width);
    const stream = random("shifts");
    for (let done = 0; done < params.shifts; done++) {
      const offset = stream.integer(5) * width + stream.integer(5);
      const shifted = { ...input, data: input.data.map((_, at) => input.data[at + offset] ?? 0) };
      const { gradient } = await model.gradient(shifted, { target, signal });
      for (let at = offset; at < channels * height * width; at++) {
        const place = at % values.length;
        values[place] = (values[place] ?? 0) + Math.abs(gradient?.data[at - offset] ?? 0) / params.shifts;
      }
      report({ done: done + 1, total: params.shifts });
    }
    return { width, height, values };
  },
});

const [photo = "examples/chelsea.png"] = process.argv.slice(2);
const model = await loadModel();
const image = await loadImage(photo, model);
const { map, record } = await explain({
  model,
  input: image.input,
  method: shiftGrad,
  params: { shifts: 4 },
});
await writeImage("own-method.png", overlay(image.photograph, map, { placement: image.placement }));
await model.close();
console.log(`${record.method}: ${record.counts.gradient} forward and backward passes, own-method.png`);
