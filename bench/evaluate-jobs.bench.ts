/**
 * Images a second of `evaluate` (Grad-CAM; deletion, insertion) in one process with all processors, in a process for each
 * processor with one thread each (what `--jobs` does by itself), and with threads left wrong: as many processes, each with
 * all processors.
 *
 * Needs `npm run build`. Arguments: IMAGES [COUNT] [ROUNDS] [MODEL.onnx]; IMAGES is a folder of photographs. Starting up counts for nothing: the
 * time is that between the first image's last record and the end of the run. The variants are measured alternately; on a
 * machine that does other work, trust the ratios.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { spawn } from "node:child_process";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [images, countText = "24", roundsText = "3", model = "models/efficientnet-lite0.onnx"] =
  process.argv.slice(2);
/** The built program, since its jobs are processes of their own. */
const program = resolve("dist/cli/main.js");
const processors = availableParallelism();
const count = Number(countText);

interface Variant {
  readonly name: string;
  readonly jobs: number;
  readonly threads: number;
}
const variants: readonly Variant[] = [
  { name: `1 job, ${processors} threads`, jobs: 1, threads: processors },
  { name: `${processors} jobs, 1 thread each`, jobs: processors, threads: 1 },
  { name: `${processors} jobs, ${processors} threads each (wrong)`, jobs: processors, threads: processors },
];

/** Lines of records that are there. */
function recordCount(run: string): number {
  return readdirSync(run)
    .filter((name) => name.endsWith(".jsonl"))
    .reduce((sum, name) => sum + readFileSync(join(run, name), "utf8").split("\n").length - 1, 0);
}

interface Measured {
  /** Images a second once the processes work. */
  readonly steady: number;
  /** Images a second of the whole command, with its start. */
  readonly whole: number;
}

async function measure({ jobs, threads }: Variant, folder: string): Promise<Measured> {
  const run = mkdtempSync(join(tmpdir(), "evaluate-jobs-"));
  const args = ["evaluate", "--model", model, "--dataset", `folder:${folder}`, "--method", "grad-cam"];
  const rest = ["--no-baselines", "--metric", "deletion,insertion", "--limit", String(count), "--quiet"];
  const how = ["--jobs", String(jobs), "--threads", String(threads), "--out", run];
  const start = performance.now();
  const child = spawn(process.execPath, [program, ...args, ...rest, ...how], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  let first: { readonly at: number; readonly records: number } | undefined;
  let last: { readonly at: number; readonly records: number } | undefined;
  // Two records an image: its target and its map. The first image of each process pays for the making of sessions.
  const timer = setInterval(() => {
    const records = recordCount(run);
    const now = { at: performance.now(), records };
    if (records >= 2 * jobs * 2) first ??= now;
    if (records !== last?.records) last = now;
  }, 20);
  const code = await new Promise<number | null>((settle) => child.on("close", settle));
  clearInterval(timer);
  const end = performance.now();
  const records = recordCount(run);
  rmSync(run, { recursive: true });
  if (code !== 0 || records !== 2 * count)
    throw new Error(`evaluate ended with ${String(code)} and ${records} records.`);
  const from = first ?? { at: start, records: 0 };
  const to = last !== undefined && last.records === records ? last : { at: end, records };
  return {
    steady: (500 * (to.records - from.records)) / (to.at - from.at),
    whole: (1000 * count) / (end - start),
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

if (images === undefined || !statSync(images, { throwIfNoEntry: false })?.isDirectory()) {
  console.log(
    "left out: it needs a folder of photographs, as in: npm run bench -- evaluate-jobs PHOTOGRAPHS",
  );
} else {
  const found = new Map<string, Measured[]>(variants.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(roundsText); round++)
    for (const variant of variants) found.get(variant.name)?.push(await measure(variant, resolve(images)));
  const base = median(found.get(variants[0]?.name ?? "")?.map(({ steady }) => steady) ?? []);
  for (const [name, list] of found) {
    const steady = median(list.map((item) => item.steady));
    console.log(
      `${name}: ${steady.toFixed(2)} images/s (${(steady / base).toFixed(2)} times one job); with its start ${median(list.map((item) => item.whole)).toFixed(2)}`,
    );
  }
}
