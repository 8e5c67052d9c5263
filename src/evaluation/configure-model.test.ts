import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyClassifier, writeTinyPhotographs } from "../../tests/support/tiny-classifier.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { writeModel } from "../onnx/write.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { writeNpy } from "../tensor/npy.ts";
import { tensor } from "../tensor/tensor.ts";
import { configurationDifference, configurationHash, configurationSchema } from "./configuration.ts";
import { configure, type EvaluationRequest } from "./configure.ts";
import { openBench } from "./open-bench.ts";
import { relocated } from "./queue/relocate.ts";
import { readRecords } from "./records.ts";
import { openRun } from "./run-folder.ts";
import { runImages } from "./run.ts";

const root = mkdtempSync(join(tmpdir(), "configure-model-"));
const photos = join(root, "photos");
const odd = join(root, "odd.onnx");
const plain = join(root, "plain.onnx");

/** Images of any size, a second input that is added to the first class, and two outputs that could be the scores. */
function writeOddClassifier(path: string): void {
  const random = mersenneStream(1);
  const weights = (dims: readonly number[]) =>
    tensor(
      Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => random.normal()),
      dims,
    );
  const g = GraphBuilder.empty();
  const image = g.input("image", ["batch", 3, 16, 16]);
  const facts = g.input("facts", ["batch", 2]);
  const activations = g.unary("Relu", g.node("Conv", [image, g.constant(weights([4, 3, 3, 3]))], {}));
  const pooled = g.node("Flatten", [g.unary("GlobalAveragePool", activations)], { axis: 1 });
  const together = g.node("Concat", [pooled, facts], { axis: 1 });
  g.output(g.node("Gemm", [together, g.constant(weights([3, 6]))], { transB: 1 }), "first");
  g.output(g.node("Gemm", [together, g.constant(weights([5, 6]))], { transB: 1 }), "second");
  const graph = g.build();
  const inputs = graph.inputs.map((input) =>
    input.name === "image" ? { ...input, dims: ["batch", 3, "height", "width"] } : input,
  );
  writeFileSync(
    path,
    writeModel({ graph: { ...graph, inputs, valueInfo: new Map() }, opsets: new Map([["", 17]]) }).bytes,
  );
}

beforeAll(async () => {
  mkdirSync(photos);
  writeOddClassifier(odd);
  writeTinyClassifier(plain);
  await writeTinyPhotographs(photos, 2);
});
afterAll(() => rmSync(root, { recursive: true }));

const request = (extra: Partial<EvaluationRequest> = {}): EvaluationRequest => ({
  models: [{ path: odd }],
  methods: [{ name: "gradient" }],
  metrics: [],
  baselines: false,
  dataset: `folder:${photos}`,
  feeds: ["facts=1,2"],
  output: "second",
  size: [16, 20],
  ...extra,
});

/** The probabilities of the targets of a run's images. */
async function probabilities(configuration: Awaited<ReturnType<typeof configure>>) {
  const folder = mkdtempSync(join(root, "run-"));
  openRun(folder, configuration, { command: "", startedAt: "", versions: {}, machine: "" });
  const { bench, dataset, close } = await openBench(configuration, { threads: 1 });
  const pass = { folder, recordsFile: "records.jsonl", bench, dataset, saveMaps: false };
  await runImages(pass, [0, 1]);
  await close();
  const found: number[] = [];
  for await (const record of readRecords(folder)) if (record.kind === "map") found.push(record.probability);
  return { found, size: [bench.models[0]?.model.height, bench.models[0]?.model.width] };
}

describe("a model with further inputs, several outputs and any size", () => {
  it("is evaluated with what was chosen, which run.json says", async () => {
    const configuration = await configure(request());
    expect(configuration.models[0]).toMatchObject({
      feeds: [{ name: "facts", value: "1,2" }],
      output: "second",
      size: [16, 20],
      preprocessSource: "assumed",
    });
    expect(configurationSchema.parse(JSON.parse(JSON.stringify(configuration)))).toEqual(configuration);
    const { found, size } = await probabilities(configuration);
    expect([found.length, size]).toEqual([2, [16, 20]]);
    const other = await probabilities(await configure(request({ feeds: ["facts=-3,0.5"] })));
    expect(other.found).not.toEqual(found);
  });

  it("makes another run with other values, and the difference names them", async () => {
    const [first, second] = [
      await configure(request()),
      await configure(request({ feeds: ["facts=1,3"], output: "first", size: [20, 20] })),
    ];
    expect(configurationHash(first)).not.toBe(configurationHash(second));
    expect(configurationDifference(first, second)).toEqual([
      'models.odd.feeds.facts.value: "1,2" -> "1,3"',
      'models.odd.output: "second" -> "first"',
      "models.odd.size.0: 16 -> 20",
    ]);
  });

  it("is refused, before there is a run, where a value does not fit", async () => {
    await expect(configure(request({ feeds: ["fact=1"] }))).rejects.toThrow(/'fact'.*facts/);
    await expect(configure(request({ output: "third" }))).rejects.toThrow(/third/);
  });
});

describe("values from files", () => {
  it("are checked by their hash, and found elsewhere by a worker", async () => {
    const path = join(root, "facts.npy");
    writeFileSync(path, writeNpy(tensor([1, 2], [1, 2])));
    const configuration = await configure(request({ feeds: [`facts=${path}`] }));
    const moved = relocated(configuration, [{ from: root, to: "/elsewhere" }]);
    expect(moved.models[0]?.feeds?.[0]).toMatchObject({ path: "/elsewhere/facts.npy" });
    expect(configurationHash(moved)).toBe(configurationHash(configuration));
    writeFileSync(path, writeNpy(tensor([1, 9], [1, 2])));
    await expect(openBench(configuration)).rejects.toThrow(/facts.npy' changed/);
  });
});

describe("several models", () => {
  it("take the inputs that they have", async () => {
    const { output: _output, size: _size, ...both } = request({ models: [{ path: odd }, { path: plain }] });
    const { models } = await configure(both);
    expect(models.map(({ name, feeds }) => [name, feeds?.length])).toEqual([
      ["odd", 1],
      ["plain", undefined],
    ]);
    await expect(
      configure(request({ models: [{ path: odd }, { path: plain }], feeds: ["age=1"] })),
    ).rejects.toThrow(/expected an input of one of the models, got 'age'/);
  });
});

describe("what a run knew before", () => {
  it("stays the same run: why a preprocessing was chosen is not compared", async () => {
    const configuration = await configure(request());
    const { preprocessSource: _source, ...model } = configuration.models[0]!;
    expect(configurationHash({ ...configuration, models: [model] })).toBe(configurationHash(configuration));
  });
});
