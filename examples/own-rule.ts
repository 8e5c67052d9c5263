// A gradient rule of one's own: ReLUs that pass only positive gradients (guided backpropagation is this and the usual mask).
// node .cache/tools/examples/own-rule.js [PHOTO]
import { loadImage, loadModel, type RuleOverrides } from "onnx-saliency/node";

const overrides: RuleOverrides = {
  // `g` appends standard ONNX nodes; defaultVjp is what the operator's own rule makes of a cotangent.
  Relu: ({ g, dy, defaultVjp }) => defaultVjp(g.unary("Relu", dy)),
  Clip: ({ g, dy, defaultVjp }) => defaultVjp(g.unary("Relu", dy)),
};

const [photo = "examples/chelsea.png"] = process.argv.slice(2);
const model = await loadModel();
const { input } = await loadImage(photo, model);
const logits = await model.logits(input);
const target = { index: logits.data.indexOf(Math.max(...logits.data)) };
const usual = await model.gradient(input, { target });
const guided = await model.gradient(input, { target, rules: { name: "positive-only", overrides } });
await model.close();

const norm = (values: Float32Array): string =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)).toPrecision(3);
const [before, after] = [usual, guided].map(({ gradient }) => norm(gradient?.data ?? new Float32Array()));
console.log(`norm of the gradient: ${before} by the usual rules, ${after} by one's own`);
