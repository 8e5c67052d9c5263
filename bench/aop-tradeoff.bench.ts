/**
 * Quality against evaluations: deletion, insertion and over-all (paper protocol) of SIGCAM, I-GOS and aop:grad-cam+i-gos
 * for other iteration counts, path points, quadrature rules and mask sizes. Photographs are stretched, as in the paper, and
 * are the first COUNT of the shuffle that `evaluate --limit COUNT` takes; 60-120 are the next sixty, on which nothing was
 * chosen. One JSON line an image and setting; run again to continue. The paper's own settings may come from a run of
 * `evaluate` (`--run RUN`), which gives the same maps.
 *
 * Arguments: PHOTOGRAPHS (a folder) RESULTS.jsonl [COUNT or FROM-TO, default 60] [GROUP,... of settings, default fast] [THREADS]
 * [--run RUN] [--report] (prints the table instead of measuring) [--svg FILE] (with --report: draws the curve)
 */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { shuffled } from "../src/datasets/mosaic.ts";
import { drawingToSvg } from "../src/image/drawing.ts";
import { lineChart } from "../src/image/line-chart.ts";
import type { SaliencyMap } from "../src/image/saliency-map.ts";
import { wgradCam } from "../src/methods/activation/wgrad-cam.ts";
import { gradCam } from "../src/methods/activation/grad-cam.ts";
import { aop } from "../src/methods/aop/aop.ts";
import { sigCam } from "../src/methods/aop/sig-cam.ts";
import type { Method } from "../src/methods/define-method.ts";
import { iGosOptimizer } from "../src/methods/perturbation/i-gos.ts";
import { iGos } from "../src/methods/perturbation/optimizers.ts";
import { parseParams } from "../src/methods/parameters.ts";
import { createMemo } from "../src/metrics/define-metric.ts";
import { removalCurve, removalParams } from "../src/metrics/removal-curves.ts";
import { loadImage, loadModel } from "../src/node.ts";
import { randomStream } from "../src/random/random-stream.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

interface Setting {
  readonly method: Method;
  readonly params: Readonly<Record<string, unknown>>;
  /** Iterations after which the map is measured; the last one always is. */
  readonly at?: readonly number[];
}

interface Measurement {
  readonly image: string;
  readonly setting: string;
  readonly iteration: number;
  readonly fb: number;
  readonly f: number;
  readonly deletion: number;
  readonly insertion: number;
}

const gradCamIGos = aop({ initial: gradCam, optimizer: iGosOptimizer });
const families = { sigcam: sigCam, "aop:grad-cam+i-gos": gradCamIGos, "i-gos": iGos } as const;

/** Path points and iterations, all else as in the paper; the plain optimiser has no warm-up. */
const few = (steps: number, iterations: number, warmup: number, quadrature = "gauss-legendre") => ({
  preset: "paper",
  quadrature,
  steps,
  iterations,
  warmup,
});
const ofAll = (name: string, params: Setting["params"], at: readonly number[]): Record<string, Setting> =>
  Object.fromEntries(
    Object.entries(families).map(([family, method]) => [
      `${family} ${name}`,
      { method, params: family === "i-gos" ? { ...params, warmup: 0 } : params, at },
    ]),
  );
const ofSigCam = (name: string, params: Setting["params"], at: readonly number[] = []) => ({
  [`sigcam ${name}`]: { method: sigCam, params, at },
});

const groups: Readonly<Record<string, Readonly<Record<string, Setting>>>> = {
  paper: ofAll("paper", { preset: "paper" }, [2, 4, 8]),
  sigcam: {
    ...ofSigCam("paper", { preset: "paper" }, [2, 4, 8]),
    ...ofSigCam("gauss 5 x 8, mask 56", { ...few(5, 8, 3), size: 56 }, [2, 4]),
    ...ofSigCam("tolerance 0.005, gauss 5 x 8, mask 56", { ...few(5, 8, 3), size: 56, tolerance: 0.005 }),
  },
  fast: ofAll("gauss 5 x 8, mask 56", { ...few(5, 8, 3), size: 56 }, [2, 4]),
  same: ofAll("gauss 5 x 8, mask 28", few(5, 8, 3), [2, 4]),
  sizes: {
    ...ofSigCam("gauss 5 x 8, mask 14", { ...few(5, 8, 3), size: 14 }),
    ...ofSigCam("gauss 5 x 8, mask 40", { ...few(5, 8, 3), size: 40 }),
    ...ofSigCam("gauss 5 x 8, mask 80", { ...few(5, 8, 3), size: 80 }),
    ...ofSigCam("gauss 5 x 8, mask 112", { ...few(5, 8, 3), size: 112 }),
  },
  shapes: {
    ...ofSigCam("gauss 3 x 14, mask 56", { ...few(3, 14, 4), size: 56 }),
    ...ofSigCam("gauss 10 x 4, mask 56", { ...few(10, 4, 1), size: 56 }),
    ...ofSigCam("equal 5 x 8, mask 56", { ...few(5, 8, 3, "equal"), size: 56 }),
    ...ofSigCam("gauss 2 x 22, mask 28", few(2, 22, 5)),
    ...ofSigCam("equal 20 x 2, mask 28", few(20, 2, 1, "equal")),
    ...ofSigCam("tolerance 0.005, gauss 5 x 8, mask 56", { ...few(5, 8, 3), size: 56, tolerance: 0.005 }),
  },
  ends: {
    "wgrad-cam": { method: wgradCam, params: {} },
    "grad-cam": { method: gradCam, params: {} },
  },
};

const { positionals, values: flags } = parseArgs({
  allowPositionals: true,
  options: { run: { type: "string" }, report: { type: "boolean" }, svg: { type: "string" } },
});
const [folder = "", results = "", countText = "60", groupText = "fast", threads] = positionals;
const measured = [
  ...(existsSync(results) ? linesOf(results).map((line) => JSON.parse(line) as Measurement) : []),
  ...(flags.run === undefined ? [] : measurementsOf(flags.run)),
];
// A run may hold what was measured here, too.
const rows: Measurement[] = [
  ...new Map(measured.map((row) => [`${row.image}/${row.setting}/${row.iteration}`, row])).values(),
];
if (results === "")
  console.log(
    "left out: it needs a folder of photographs and a file for what is measured, as in: npm run bench -- aop-tradeoff PHOTOGRAPHS RESULTS.jsonl",
  );
else if (flags.report === true) report(rows);
else await measure();

function linesOf(path: string): readonly string[] {
  return readFileSync(path, "utf8").split("\n").slice(0, -1);
}

/** What a run of `evaluate` says about the paper's settings. */
function measurementsOf(run: string): readonly Measurement[] {
  const names: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.keys(families).map((family) => [family, `${family} paper`])),
    "wgrad-cam": "wgrad-cam",
    "grad-cam": "grad-cam",
  };
  return readdirSync(run)
    .filter((name) => name.startsWith("records") && name.endsWith(".jsonl"))
    .flatMap((name) => linesOf(join(run, name)))
    .map((line) => JSON.parse(line) as RunRecord)
    .flatMap(({ kind, image, row, metrics, cost }) => {
      const setting = names[row ?? ""];
      if (kind !== "map" || setting === undefined || metrics === undefined || cost === undefined) return [];
      const iteration = setting.endsWith("paper") ? 15 : 0;
      const [deletion, insertion] = [metrics.deletion.score, metrics.insertion.score];
      return [{ image, setting, iteration, fb: cost.fb, f: cost.f, deletion, insertion }];
    });
}

interface RunRecord {
  readonly kind: string;
  readonly image: string;
  readonly row?: string;
  readonly metrics?: {
    readonly deletion: { readonly score: number };
    readonly insertion: { readonly score: number };
  };
  readonly cost?: { readonly f: number; readonly fb: number };
}

async function measure(): Promise<void> {
  const names = readdirSync(folder).sort();
  const [first = 0, last = 0] = countText.includes("-")
    ? countText.split("-").map(Number)
    : [0, Number(countText)];
  const chosen = shuffled(names.length, 0)
    .slice(first, last)
    .map((index) => names[index] ?? "");
  const settings = Object.fromEntries(
    groupText.split(",").flatMap((group) => Object.entries(groups[group] ?? {})),
  );
  const done = new Set(rows.map((row) => `${row.image}/${row.setting}`));
  const model = await loadModel(undefined, {
    resize: "stretch",
    ...(threads !== undefined && { threads: Number(threads) }),
  });
  for (const image of chosen) {
    if (Object.keys(settings).every((setting) => done.has(`${image}/${setting}`))) continue;
    const { input } = await loadImage(join(folder, image), model);
    const logits = (await model.logits(input)).data;
    const target = { index: logits.indexOf(Math.max(...logits)) };
    const imageMemo = createMemo();
    for (const [setting, { method, params, at = [] }] of Object.entries(settings)) {
      if (done.has(`${image}/${setting}`)) continue;
      const score = async (map: SaliencyMap, iteration: number, fb: number, f: number): Promise<void> => {
        const context = {
          model,
          input,
          target,
          map,
          imageMemo,
          mapMemo: createMemo(),
          params: removalParams.parse({}),
          random: (...keys: readonly (string | number)[]) => randomStream(0, ...keys),
        };
        const deletion = (await removalCurve(context, "deletion")).area;
        const insertion = (await removalCurve(context, "insertion")).area;
        const row: Measurement = { image, setting, iteration, fb, f, deletion, insertion };
        rows.push(row);
        appendFileSync(results, `${JSON.stringify(row)}\n`);
      };
      await run(method, params, at, { model, input, target, image }, score);
    }
  }
  await model.close();
}

/** Runs a method and scores its map, and before that its intermediate maps. */
async function run(
  method: Method,
  params: Readonly<Record<string, unknown>>,
  at: readonly number[],
  subject: {
    model: Awaited<ReturnType<typeof loadModel>>;
    input: Tensor;
    target: { index: number };
    image: string;
  },
  score: (map: SaliencyMap, iteration: number, fb: number, f: number) => Promise<void>,
): Promise<void> {
  const { model, image } = subject;
  const before = model.counts;
  const spent = (): [number, number] => [
    model.counts.gradient - before.gradient,
    model.counts.forward - before.forward,
  ];
  const between: [SaliencyMap, number, number, number][] = [];
  let last = 0;
  const map = await method.explain({
    ...subject,
    params: parseParams(method, params),
    random: (...keys) => randomStream(0, image, method.randomName ?? method.name, ...keys),
    report: ({ done, map: current }) => {
      last = done;
      if (at.includes(done) && current !== undefined) between.push([current(), done, ...spent()]);
    },
  });
  const [fb, f] = spent();
  for (const [intermediate, iteration, ...counts] of between) await score(intermediate, iteration, ...counts);
  await score(map, last, fb, f);
}

/** One setting after some iteration. */
interface Line {
  readonly name: string;
  readonly own: readonly Measurement[];
  /** Over-all less that of the paper's setting on the same photographs, in points. */
  readonly differences: readonly number[];
}

function report(all: readonly Measurement[]): void {
  // Early stops end at many iterations: one line for all of them.
  const keyOf = (row: Measurement): string =>
    row.setting.includes("tolerance") || row.iteration === 0
      ? row.setting
      : `${row.setting} @ ${row.iteration}`;
  const lines = [...new Set(all.map(keyOf))].sort().map((name): Line => {
    const own = all.filter((row) => keyOf(row) === name);
    const family = Object.keys(families).find((each) => name.startsWith(`${each} `)) ?? "sigcam";
    const reference = new Map(
      all.filter((row) => keyOf(row) === `${family} paper @ 15`).map((row) => [row.image, overAll(row)]),
    );
    const differences = own.flatMap((row) => {
      const other = reference.get(row.image);
      return other === undefined ? [] : [overAll(row) - other];
    });
    return { name, own, differences };
  });
  console.log(
    "| setting | n | fb | f | deletion | insertion | over-all | pairs | difference to paper (95 %) |",
  );
  console.log("|-|-|-|-|-|-|-|-|-|");
  for (const { name, own, differences } of lines) {
    const average = (value: (row: Measurement) => number, digits: number): string =>
      mean(own.map(value)).toFixed(digits);
    const cells = [
      name,
      own.length,
      average((row) => row.fb, 1),
      average((row) => row.f, 1),
      average((row) => 100 * row.deletion, 2),
      average((row) => 100 * row.insertion, 2),
      average(overAll, 2),
      differences.length,
      `${mean(differences).toFixed(2)} ± ${margin(differences).toFixed(2)}`,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  if (flags.svg !== undefined) writeFileSync(flags.svg, curve(lines));
}

/** Differences to the paper's setting over the gradient evaluations, a line for each family. */
function curve(lines: readonly Line[]): string {
  const series = Object.keys(families).flatMap((family) =>
    ["gauss 5 x 8, mask 56", "gauss 5 x 8, mask 28", "paper"].flatMap((setting) => {
      const points = lines
        .filter(
          ({ name, differences }) => name.startsWith(`${family} ${setting} @`) && differences.length > 0,
        )
        .map(({ own, differences }) => [mean(own.map((row) => row.fb)), mean(differences)] as const)
        .sort(([a], [b]) => a - b);
      const label = `${family}, ${setting}`;
      return points.length < 2 ? [] : [{ label, x: points.map(([fb]) => fb), y: points.map(([, y]) => y) }];
    }),
  );
  const panels = [{ title: "over-all, points above the paper's setting", series }];
  const xLabel = "gradients of the network for one map";
  return drawingToSvg(
    lineChart({ width: 900, height: 560, title: "Quality against evaluations", xLabel, panels }),
  );
}

function overAll({ insertion, deletion }: Measurement): number {
  return 100 * (insertion - deletion);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Half of the 95 % interval of a mean. */
function margin(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return 1.96 * Math.sqrt(squares / Math.max(values.length - 1, 1) / values.length);
}
