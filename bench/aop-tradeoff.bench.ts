/**
 * Quality against evaluations: deletion, insertion and over-all (paper protocol) of SIGCAM, I-GOS and aop:grad-cam+i-gos
 * for other iteration counts, path points, quadrature rules and mask sizes. One JSON line an image and setting; run again
 * to continue, and with `--report` to print the table.
 *
 * Arguments: PHOTOGRAPHS (a folder) RESULTS.jsonl [COUNT of images, evenly spread, default 60] [GROUP,... of settings] [THREADS]
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
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
const fast = (steps: number, iterations: number, warmup: number, quadrature = "gauss-legendre") => ({
  quadrature,
  steps,
  iterations,
  warmup,
});

/** The part of the paper's step sequence that is commonly taken at 28 x 28: 8, 1.6, 0.32, ... */
const shortSearch = { initialStep: 8, smallestStep: 1e-3 };

const groups: Readonly<Record<string, Readonly<Record<string, Setting>>>> = {
  core: {
    "sigcam paper": { method: sigCam, params: {} },
    "sigcam gauss 5 x 8": { method: sigCam, params: fast(5, 8, 3) },
  },
  quiet: {
    "sigcam gauss 2 x 22 no noise": {
      method: sigCam,
      params: { ...fast(2, 22, 5), ...shortSearch, noise: "none" },
      at: [11],
    },
    "sigcam gauss 4 x 11 no noise": {
      method: sigCam,
      params: { ...fast(4, 11, 4), ...shortSearch, noise: "none" },
    },
  },
  shapes: {
    "sigcam gauss 1 x 44": { method: sigCam, params: { ...fast(1, 44, 5), ...shortSearch }, at: [22] },
    "sigcam equal 2 x 22": { method: sigCam, params: { ...fast(2, 22, 5, "equal"), ...shortSearch } },
    "sigcam gauss 3 x 14 short": { method: sigCam, params: { ...fast(3, 14, 5), ...shortSearch } },
    "sigcam gauss 2 x 22": { method: sigCam, params: { ...fast(2, 22, 5), ...shortSearch } },
    "sigcam gauss 3 x 14": { method: sigCam, params: fast(3, 14, 5), at: [8] },
    "sigcam gauss 2 x 20": { method: sigCam, params: fast(2, 20, 5), at: [12] },
  },
  pick: {
    "sigcam equal 8 x 5 w2": { method: sigCam, params: fast(8, 5, 2, "equal") },
  },
  few: {
    "sigcam equal 20 x 2 w0": { method: sigCam, params: fast(20, 2, 0, "equal") },
    "sigcam equal 20 x 2 w1": { method: sigCam, params: fast(20, 2, 1, "equal") },
    "sigcam equal 11 x 4 w1": { method: sigCam, params: fast(11, 4, 1, "equal"), at: [3] },
    "sigcam equal 8 x 5 w2": { method: sigCam, params: fast(8, 5, 2, "equal") },
  },
  ends: {
    "sigcam no iterations": { method: sigCam, params: { iterations: 0 } },
    "wgrad-cam": { method: wgradCam, params: {} },
    "sigcam gauss 3 x 8": { method: sigCam, params: fast(3, 8, 3), at: [4] },
    "sigcam gauss 2 x 5": { method: sigCam, params: fast(2, 5, 2) },
  },
  others: {
    "aop:grad-cam+i-gos paper": { method: gradCamIGos, params: {} },
    "aop:grad-cam+i-gos gauss 5 x 8": { method: gradCamIGos, params: fast(5, 8, 3) },
    "aop:grad-cam+i-gos gauss 3 x 8": { method: gradCamIGos, params: fast(3, 8, 3), at: [4] },
    "i-gos paper": { method: iGos, params: {}, at: [8] },
    "i-gos gauss 5 x 8": { method: iGos, params: fast(5, 8, 0) },
    "i-gos gauss 3 x 8": { method: iGos, params: fast(3, 8, 0), at: [4] },
    "grad-cam": { method: gradCam, params: {} },
  },
  knobs: {
    "sigcam equal 5 x 8": { method: sigCam, params: fast(5, 8, 3, "equal") },
    "sigcam midpoint 3 x 8": { method: sigCam, params: fast(3, 8, 3, "midpoint") },
    "sigcam equal 1 x 8": { method: sigCam, params: fast(1, 8, 3, "equal"), at: [4] },
    "sigcam gauss 3 x 8 size 14": { method: sigCam, params: { ...fast(3, 8, 3), size: 14 } },
    "sigcam gauss 3 x 8 no noise": { method: sigCam, params: { ...fast(3, 8, 3), noise: "none" } },
    "sigcam gauss 3 x 8 no warm-up": { method: sigCam, params: fast(3, 8, 0) },
    "sigcam gauss 3 x 15 tolerance 0.005": {
      method: sigCam,
      params: { ...fast(3, 15, 3), tolerance: 0.005 },
    },
  },
};

const [folder = "", results = "", countText = "60", groupText = "core", threads] = process.argv
  .slice(2)
  .filter((argument) => argument !== "--report");
const rows: Measurement[] = existsSync(results)
  ? readFileSync(results, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Measurement)
  : [];
if (process.argv.includes("--report")) report(rows);
else await measure();

async function measure(): Promise<void> {
  const names = readdirSync(folder).sort();
  const count = Math.min(Number(countText), names.length);
  const chosen = Array.from(
    { length: count },
    (_, index) => names[Math.floor((index * names.length) / count)] ?? "",
  );
  const settings = Object.fromEntries(
    groupText.split(",").flatMap((group) => Object.entries(groups[group] ?? {})),
  );
  const done = new Set(rows.map((row) => `${row.image}/${row.setting}`));
  const model = await loadModel(undefined, threads === undefined ? {} : { threads: Number(threads) });
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
      await run(method, params, at, { model, input, target }, score);
    }
  }
  await model.close();
}

/** Runs a method and scores its map, and before that its intermediate maps. */
async function run(
  method: Method,
  params: Readonly<Record<string, unknown>>,
  at: readonly number[],
  subject: { model: Awaited<ReturnType<typeof loadModel>>; input: Tensor; target: { index: number } },
  score: (map: SaliencyMap, iteration: number, fb: number, f: number) => Promise<void>,
): Promise<void> {
  const { model } = subject;
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
    random: (...keys) => randomStream(0, method.randomName ?? method.name, ...keys),
    report: ({ done, map: current }) => {
      last = done;
      if (at.includes(done) && current !== undefined) between.push([current(), done, ...spent()]);
    },
  });
  const [fb, f] = spent();
  for (const [intermediate, iteration, ...counts] of between) await score(intermediate, iteration, ...counts);
  await score(map, last, fb, f);
}

/** Means in percent, and paired differences of over-all to the reference of the family with a 95 % interval. */
function report(all: readonly Measurement[]): void {
  const keys = [...new Set(all.map((row) => `${row.setting} @ ${row.iteration}`))];
  // Early stops end at many iterations: one line for all of them.
  const keyOf = (row: Measurement): string =>
    row.setting.includes("tolerance") ? row.setting : `${row.setting} @ ${row.iteration}`;
  const lines = [...new Set(all.map(keyOf))];
  const last = (setting: string): string => keys.filter((key) => key.startsWith(setting)).at(-1) ?? "";
  console.log("setting | n | fb | f | deletion | insertion | over-all | difference to paper (95 %)");
  for (const line of lines) {
    const own = all.filter((row) => keyOf(row) === line);
    const family =
      line.startsWith("aop") || line.startsWith("grad-cam")
        ? "aop:grad-cam+i-gos paper"
        : line.startsWith("i-gos")
          ? "i-gos paper"
          : "sigcam paper";
    const reference = new Map(
      all
        .filter((row) => keyOf(row) === last(family))
        .map((row) => [row.image, row.insertion - row.deletion]),
    );
    const differences = own.flatMap((row) => {
      const other = reference.get(row.image);
      return other === undefined ? [] : [100 * (row.insertion - row.deletion - other)];
    });
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const centre = mean(differences);
    const deviation = Math.sqrt(
      differences.reduce((sum, value) => sum + (value - centre) ** 2, 0) /
        Math.max(differences.length - 1, 1),
    );
    const margin = (1.96 * deviation) / Math.sqrt(differences.length);
    const percent = (value: (row: Measurement) => number): string => (100 * mean(own.map(value))).toFixed(2);
    console.log(
      [
        line,
        own.length,
        mean(own.map((row) => row.fb)).toFixed(1),
        mean(own.map((row) => row.f)).toFixed(1),
        percent((row) => row.deletion),
        percent((row) => row.insertion),
        percent((row) => row.insertion - row.deletion),
        `${centre.toFixed(2)} ± ${margin.toFixed(2)}`,
      ].join(" | "),
    );
  }
}
