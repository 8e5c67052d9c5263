// Writes docs/compatibility.md: what becomes of each exported model, measured on this machine.
//   npm run compatibility [-- NAME ...]   (NAME: only these, printed and not written)
//   node scripts/generate-compatibility.mjs --resume   (goes on with what .cache/compatibility has)
// Models: tests/models/compat (see scripts/compat-models/make.py) and, where the reference models lie beside the repository,
// ../shared/models/zoo, whose weights are drawn into the temporary folder once; and what scripts/exporters/make.py has
// written to a folder, if EXPORTED names one.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [{ explain, loadModel }, { checkModel }, { inspectNetwork }, { randomStream }, { smoothImage }] =
  await Promise.all(
    [
      "node",
      "runtime/check-model",
      "runtime/inspect-network",
      "random/random-stream",
      "runtime/smooth-image",
    ].map((module) => import(join(root, "dist", `${module}.js`))),
  );

const compat = join(root, "tests/models/compat");
const zoo = join(root, "../shared/models/zoo");
const facts = { type: "float32", dims: [1, 3], data: Float32Array.of(0.5, -1, 2) };
/** What has to be said of a model to load it. */
const options = {
  "two-inputs": { feeds: { facts } },
  "two-inputs-batch-1": { feeds: { facts } },
  "dynamic-size": { size: [40, 24] },
};
/** References that are wrong themselves; see tests/zoo.test.ts. */
const displaced = /^(davit_tiny|tf_efficientnet)/;

function mulberry32(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function zooModel(name) {
  const folder = join(tmpdir(), "onnx-saliency-reference", "zoo", name);
  if (!existsSync(join(folder, "weights.bin"))) {
    execFileSync(process.execPath, [join(dirname(zoo), "make-weights.mjs"), `zoo/${name}`, folder], {
      stdio: "ignore",
    });
  }
  return join(folder, "model.onnx");
}

function goldenInput({ shape, seed, lo, hi }) {
  const next = mulberry32(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  return {
    type: "float32",
    dims: shape,
    data: Float32Array.from({ length: count }, () => lo + (hi - lo) * next()),
  };
}

function relativeError(found, wanted) {
  let [difference, size] = [0, 0];
  wanted.forEach((value, index) => {
    difference += (found[index] - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(difference / size);
}

const operatorCounts = new Map();
const scientific = (value) => value.toExponential(1);

async function row(name, path, golden) {
  const model = await loadModel(path, { threads: 1, ...(options[name] ?? saidOf(golden)) });
  try {
    const input =
      golden === undefined ? smoothImage(model, randomStream(0, "image")) : goldenInput(golden.input);
    const logits = await model.logits(input);
    // A network of one output has two classes, of which the second is the output.
    const first = golden?.logits?.length === 1 ? 1 : 0;
    const target = {
      index:
        golden === undefined ? logits.data.indexOf(Math.max(...logits.data)) : golden.class_index + first,
    };
    const check = await checkModel(model, input, target, randomStream(0, "check"), { directionCount: 2 });
    const report = inspectNetwork(model.network, model.onnx.graph, undefined, (layer) => model.layer(layer));
    const differences =
      "problem" in check.gradient
        ? "none"
        : check.verdict === "inconclusive"
          ? "inconclusive"
          : scientific(check.gradient.gradient.error);
    let oracle = "";
    if (golden?.input_gradient !== undefined && !displaced.test(name) && !("problem" in check.gradient)) {
      const error = await oracleError(model, input, target, golden);
      const plain = error > 1e-4 ? await withoutFusions(path, input, target, golden) : undefined;
      const by = golden.oracle.startsWith("tf")
        ? "TensorFlow"
        : /torch/.test(golden.oracle)
          ? "torch"
          : /scikit-learn/.test(golden.oracle)
            ? "scikit-learn"
            : "onnx-ad";
      const allowed = error > 1e-4 ? allowedError(name, golden) : undefined;
      oracle = [
        `${scientific(error)} (${by})`,
        ...(plain === undefined ? [] : [`${scientific(plain)} without fusions`]),
        ...(allowed === undefined ? [] : [`float32 allows ${scientific(allowed)}`]),
      ].join("; ");
    }
    const { forward, gradient } = check.elapsedMs;
    const { opset, producer } = model.description;
    const layer = model.network.layers.length > 0 ? model.defaultLayer : undefined;
    const cells = [
      name,
      producer,
      opset,
      `${model.onnx.graph.nodes.length} / ${report.nodeCount}`,
      report.operators.filter((operator) => operator.gradient === "rule").length,
      layer === undefined ? "none" : `${layer.height} x ${layer.width}, ${layer.layout}`,
      "difference" in check.scores ? scientific(check.scores.difference) : "not comparable",
      differences,
      oracle,
      gradient === undefined ? "" : (gradient / forward).toFixed(1),
      await mapOf(model, input, target, check),
    ];
    return { cells, operators: report.operators.map(({ operator }) => operator) };
  } finally {
    await model.close();
  }
}

/** What a file leaves open: the size, and further inputs (a number a channel, channels last). */
function saidOf(golden) {
  const feeds = Object.entries(golden?.feeds ?? {}).map(([name, values]) => [
    name,
    { type: "float32", dims: [1, 1, 1, values.length], data: Float32Array.from(values) },
  ]);
  const size = golden?.input.shape.slice(2);
  return { feeds: Object.fromEntries(feeds), ...(size?.length === 2 && { size }) };
}

/** The error that a run in float32 may have by itself: some five times torch's own, or what rounding of the image does in float64. */
function allowedError(name, { tolerance, cosine, float32_relative_error: own }) {
  if (cosine !== undefined || /float16|fp16|4-bit/.test(name)) return undefined;
  return tolerance ?? (own === undefined ? undefined : 5 * own);
}

async function oracleError(model, input, target, golden) {
  const { gradient } = await model.gradient(input, { target });
  const { samples, sample_indices: indices } = golden.input_gradient;
  return relativeError(
    indices.map((index) => gradient.data[index]),
    samples,
  );
}

async function withoutFusions(path, input, target, golden) {
  const model = await loadModel(path, { threads: 1, optimization: "disabled", ...saidOf(golden) });
  try {
    return await oracleError(model, input, target, golden);
  } finally {
    await model.close();
  }
}

/** What comes out: a map, or the sentence that a user sees. */
async function mapOf(model, input, target, check) {
  const hasLayers = model.network.layers.length > 0;
  const method =
    "problem" in check.gradient ? (hasLayers ? "score-cam" : "rise") : hasLayers ? "grad-cam" : "gradient";
  const { map } = await explain({ model, input, target, method, params: {} });
  const reason =
    "problem" in check.gradient ? ` (${check.gradient.problem.split(": ")[0]}: no gradient)` : "";
  return `${method}${map.degenerate === undefined ? "" : `: ${map.degenerate.code}`}${reason}`;
}

const cache = join(root, ".cache/compatibility");

/** The row of a model, from the cache if the run is resumed. */
async function measured({ name, path, golden }) {
  const kept = join(cache, `${name}.json`);
  if (isResumed && existsSync(kept)) return JSON.parse(readFileSync(kept, "utf8"));
  const started = performance.now();
  let result;
  try {
    result = await row(name, path(), golden);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    result = { cells: [name, ...Array.from({ length: 9 }, () => ""), message], operators: [] };
  }
  process.stderr.write(
    `${result.cells.join(" | ")} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`,
  );
  writeFileSync(kept, JSON.stringify(result));
  return result;
}

async function table(models) {
  const rows = [];
  for (const model of models) {
    const { cells, operators } = await measured(model);
    rows.push(cells);
    for (const operator of operators) operatorCounts.set(operator, (operatorCounts.get(operator) ?? 0) + 1);
  }
  const header = [
    "model",
    "exporter",
    "opset",
    "nodes",
    "rules",
    "target layer",
    "scores",
    "differences",
    "oracle",
    "fb / f",
    "map",
  ];
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

const isResumed = process.argv.includes("--resume");
const only = process.argv.slice(2).filter((argument) => argument !== "--resume");
if (!isResumed) rmSync(cache, { recursive: true, force: true });
mkdirSync(cache, { recursive: true });
const isWanted = ({ name }) => only.length === 0 || only.includes(name);
const small = readdirSync(compat)
  .filter((file) => file.endsWith(".onnx"))
  .map((file) => ({ name: basename(file, ".onnx"), path: () => join(compat, file) }))
  .filter(isWanted);
const families = (existsSync(zoo) ? readdirSync(zoo).sort() : [])
  .map((name) => ({
    name,
    path: () => zooModel(name),
    golden: JSON.parse(readFileSync(join(zoo, name, "golden.json"), "utf8")),
  }))
  .filter(isWanted);

const given = process.env.EXPORTED;
const fresh = (given === undefined ? [] : readdirSync(given).sort())
  .filter((file) => file.endsWith(".json"))
  .map((file) => {
    const golden = JSON.parse(readFileSync(join(given, file), "utf8"));
    return {
      name: basename(file, ".json"),
      path: () => join(given, golden.file ?? file.replace(/json$/, "onnx")),
      golden,
    };
  })
  .filter(isWanted);

const forms = await table(small);
const exported = await table(families);
const today =
  fresh.length === 0
    ? ""
    : `## Today's exporters

Small or small-sized networks as the exporters of PyPI write them (\`scripts/exporters/make.py\`), on images that are wider than high where the family
allows it. **oracle** of quantised and float16 files: against the gradient of the float network that they were made from.

${await table(fresh)}

`;
const operators = [...operatorCounts]
  .sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || (a < b ? -1 : 1))
  .map(([operator, count]) => `${operator} ${count}`)
  .join(", ");
const text = `# Compatibility

What becomes of exported classifiers, measured by \`npm run compatibility\` (Node ${process.version}, ONNX Runtime on the CPU, one thread).

- **nodes**: in the file / after folding and simplification. **rules**: different operators that the gradient passes.
- **target layer**: the grid that CAM methods use, and how it lies in memory (token grids without class and register tokens).
- **scores**: largest difference between the explained scores and those that ONNX Runtime gives for the file as it is, relative to the largest.
- **differences**: error of the gradient against central differences along it. *Inconclusive*: the score is a staircase (quantised) or has
  so many kinks that differences of two steps contradict each other. **oracle**: relative error against an independent gradient:
  torch autograd in float64, or onnx-ad in float32 (which tells no more than float32 allows). Where a ReLU is within rounding of its kink, the sum in another order
  flips its mask: such networks are compared without ONNX Runtime's fusions, too, and what float32 allows is five times torch's own error in float32, or
  twice what moving the image by float32's rounding does to the gradient in float64. (res2net50: two pre-activations lie within 2e-7 of the mean from 0; moving
  the image by 1e-6 of itself moves torch's gradient in float64 by 1.2e-3.)
- **fb / f**: time of a forward and backward run over that of a forward run, the shortest of several. What else the machine does shows here
  (the small models of the first table take less than a millisecond): on a quiet machine ordinary networks take 2 to 4.
- **map**: the method that was run, and why its map is empty if it is.

\`onnx-saliency check MODEL.onnx\` says the same of your own file.

## Forms that people export

Small networks with random weights: old opsets, number formats, layouts, inputs and outputs (\`scripts/compat-models/make.py\`).

${forms}

## Families of classifiers

torchvision and timm architectures as the two exporters of PyTorch write them, with seeded weights.

${exported}

${today}## Operators between image and logits

Number of these models that have each: ${operators}.
`;
if (only.length === 0) writeFileSync(join(root, "docs/compatibility.md"), text);
else process.stdout.write(text);
