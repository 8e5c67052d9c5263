import { Command, Option } from "@commander-js/extra-typings";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ParameterError } from "../../errors.ts";
import type { Configuration } from "../../evaluation/configuration.ts";
import type { EvaluationRequest } from "../../evaluation/configure.ts";
import type { Shard } from "../../evaluation/evaluation-plan.ts";
import type { RunRecord } from "../../evaluation/records.ts";
import type { CliContext } from "../cli-context.ts";
import { collect, collectList, integerOption, sizeOption } from "../option-parsers.ts";

/** Options of `evaluate` that say what is evaluated; with `--resume` they come from the run. */
interface WhatOptions {
  readonly model?: readonly string[] | undefined;
  readonly method?: readonly string[] | undefined;
  readonly metric?: readonly string[] | undefined;
  readonly dataset?: string | undefined;
  readonly param?: readonly string[] | undefined;
  readonly metricParam?: readonly string[] | undefined;
  readonly savedMaps?: readonly string[] | undefined;
  readonly baselines: boolean;
  readonly target?: Configuration["target"] | undefined;
  readonly threshold?: string | undefined;
  readonly classMap?: string | undefined;
  readonly preprocess?: string | undefined;
  readonly resize?: "stretch" | "crop" | "letterbox" | undefined;
  readonly layer?: string | undefined;
  readonly feed?: readonly string[] | undefined;
  readonly output?: string | undefined;
  readonly size?: readonly [height: number, width: number] | undefined;
  readonly limit?: number | undefined;
  readonly seed?: number | undefined;
  readonly saveMaps?: true | undefined;
}

/** Options that say how the work is done; they change no record. */
export interface HowOptions {
  readonly jobs?: number | undefined;
  readonly threads?: number | undefined;
  readonly strict?: true | undefined;
  readonly retryFailures?: true | undefined;
  readonly quiet?: true | undefined;
  readonly queue?: string | undefined;
}

/** `onnx-saliency evaluate`: measures methods on a data set; can be stopped, resumed and spread over machines. */
export function evaluateCommand(context: CliContext) {
  return new Command("evaluate")
    .description("measures methods with metrics on a data set, into a folder that report makes tables of")
    .option(
      "--model <FILE.onnx>",
      "a classifier, path or URL; several may be given (default: the embedded one)",
      collect,
    )
    .option(
      "--method <[NAME=]ID,...>",
      "methods, and so the rows of the tables; NAME= names a row, for one method with several settings (default: grad-cam)",
      collectList,
    )
    .option("--metric <ID,...>", "metrics (default: deletion,insertion,over-all)", collectList)
    .option(
      "--dataset <KIND:PATH>",
      "imagenet:DIR[,LABELS], folder:DIR, list:FILE, coco:IMAGES,ANNOTATIONS.json, mosaic:DATASET",
    )
    .option("--out <RUN>", "folder of the run: made, or joined if it has the same configuration")
    .option("--resume <RUN>", "go on with a run; everything that decides its records comes from there")
    .option("-p, --param <[ROW.]KEY=VALUE>", "a parameter of the methods, or of one row's", collect)
    .option("--metric-param <[METRIC.]KEY=VALUE>", "a parameter of the metrics", collect)
    .option(
      "--saved-maps <NAME=PATTERN>",
      "a row of maps (.npy, .npz) that another program saved; {stem} {key} {target} {model}",
      collect,
    )
    .option("--no-baselines", "leave out the rows of the random map and the centre map")
    .addOption(
      new Option(
        "--target <WHICH>",
        "the class that is explained (default: annotated for coco and mosaic, else predicted)",
      ).choices(["predicted", "label", "annotated"] as const),
    )
    .option(
      "--threshold <P>",
      "annotated categories are tried above this probability (default: 0.5 for coco, 0 for mosaic)",
    )
    .option("--class-map <FILE.json>", "which outputs of the network mean each category of coco")
    .option("--preprocess <PRESET|FILE>", "as for explain")
    .addOption(
      new Option("--resize <MODE>", "how photographs are made to fit").choices([
        "stretch",
        "crop",
        "letterbox",
      ] as const),
    )
    .option("--layer <NAME>", "target layer of activation methods")
    .option(
      "--feed <NAME=VALUE>",
      "value of a further input: a number, numbers or a .npy file; each model takes those that it has",
      collect,
    )
    .option("--output <NAME>", "the value with the class scores (default: found)")
    .option("--size <HxW>", "height and width, for networks that take any (default: 224x224)", sizeOption)
    .option("--limit <N>", "only the first N images of a seeded shuffle", integerOption(1))
    .option("--seed <N>", "seed of everything random (default: 0)", integerOption(0, 2 ** 32 - 1))
    .option("--save-maps", "also write every map as .npy, below RUN/maps")
    .option("--jobs <N>", "processes that share the work", integerOption(1, 1024))
    .option(
      "--threads <N>",
      "processor threads of each network (default: processors over jobs)",
      integerOption(1, 1024),
    )
    .option(
      "--shard <K/N>",
      "only every N-th image from the K-th on; shards are joined by merge, or by one --out",
    )
    .option(
      "--queue <URL>",
      "leave the work to 'worker' processes on any machines, through a Redis server (redis://HOST)",
    )
    .option("--strict", "the first unreadable image or failed map ends the run")
    .option("--retry-failures", "do again what failed before")
    .option("--quiet", "no progress")
    .option("--verbose", "print the stack of an error")
    .addOption(
      new Option("--job <K>", "serve as a process of another evaluate")
        .argParser(integerOption(1))
        .hideHelp(),
    )
    .action(async (options) => {
      const { parseShard } = await import("../../evaluation/evaluation-plan.ts");
      const shard = options.shard === undefined ? undefined : parseShard(options.shard);
      if (options.job !== undefined) {
        const { serveJob } = await import("../../evaluation/serve-job.ts");
        await serveJob({
          folder: options.resume ?? "",
          recordsFile: recordsFileOf(shard, options.job),
          threads: options.threads ?? 1,
          strict: options.strict === true,
          retryFailures: options.retryFailures === true,
        });
        return;
      }
      const { folder, configuration } = await openOrResume(options);
      await runShard(context, folder, configuration, shard, options);
    });
}

async function openOrResume(
  options: WhatOptions & { readonly out?: string | undefined; readonly resume?: string | undefined },
): Promise<{ readonly folder: string; readonly configuration: Configuration }> {
  const { openRun, readRunFile } = await import("../../evaluation/run-folder.ts");
  if (options.resume !== undefined) {
    refuseOther(options, readRunFile(options.resume).configuration);
    return { folder: options.resume, configuration: readRunFile(options.resume).configuration };
  }
  if (options.out === undefined)
    throw new ParameterError("out: expected the folder of the run. Give --out RUN, or --resume RUN.");
  const { configure } = await import("../../evaluation/configure.ts");
  const { provenance } = await import("../../evaluation/provenance.ts");
  const configuration = await configure(await requestOf(options));
  openRun(options.out, configuration, provenance(process.argv.slice(2)));
  return { folder: options.out, configuration };
}

/** @throws ParameterError for an option that a resumed run does not take, with the run's value where it is a simple one. */
function refuseOther(
  options: WhatOptions & { readonly out?: string | undefined },
  { models, ...configuration }: Configuration,
): void {
  const ofModels = (of: (model: Configuration["models"][number]) => unknown): string =>
    [...new Set(models.map((model) => JSON.stringify(of(model)) ?? "(absent)"))].join(", ");
  const given: readonly (readonly [option: string, given: unknown, run: string])[] = [
    ["model", options.model, models.map(({ path }) => path).join(", ")],
    ["method", options.method, configuration.rows.map(({ label }) => label).join(", ")],
    ["metric", options.metric, configuration.metrics.map(({ label }) => label).join(", ")],
    ["dataset", options.dataset, configuration.dataset],
    ["out", options.out, "(its folder)"],
    ["param", options.param, "(see run.json)"],
    ["metric-param", options.metricParam, "(see run.json)"],
    ["saved-maps", options.savedMaps, "(see run.json)"],
    ["no-baselines", options.baselines ? undefined : true, "(see run.json)"],
    ["target", options.target, configuration.target],
    ["threshold", options.threshold, String(configuration.threshold)],
    ["class-map", options.classMap, configuration.classMap?.path ?? "(absent)"],
    ["preprocess", options.preprocess, ofModels((model) => model.preprocess)],
    ["resize", options.resize, ofModels((model) => model.preprocess.resize.mode)],
    ["layer", options.layer, ofModels((model) => model.layer)],
    ["feed", options.feed, ofModels((model) => model.feeds)],
    ["output", options.output, ofModels((model) => model.output)],
    ["size", options.size, ofModels((model) => model.size)],
    ["limit", options.limit, String(configuration.limit ?? "(absent)")],
    ["seed", options.seed, String(configuration.seed)],
    ["save-maps", options.saveMaps, String(configuration.saveMaps)],
  ];
  const lines = given
    .filter(([, value]) => value !== undefined)
    .map(([option, value, run]) => `  --${option}: ${run} -> ${String(value)}`);
  if (lines.length === 0) return;
  throw new ParameterError(
    "resume: expected nothing that decides the records with it, which all comes from the run, got\n" +
      `${lines.join("\n")}\nLeave that out. To extend a run, start another.`,
  );
}

async function requestOf(options: WhatOptions): Promise<EvaluationRequest> {
  if (options.dataset === undefined) {
    throw new ParameterError(
      "dataset: expected a data set, such as --dataset folder:photos or imagenet:DIR.",
    );
  }
  const { embeddedModelPath } = await import("../../node.ts");
  const { rowMethod } = await import("../../evaluation/open-bench.ts");
  const { metricByName } = await import("../../metrics/index.ts");
  const { parseTextParams } = await import("../../methods/parameters.ts");
  const { assignParameters } = await import("../method-parameters.ts");
  const rows = (options.method ?? ["grad-cam"]).map((text) => {
    const { label, id } = namedRow(text);
    return { label, method: rowMethod(id) };
  });
  const metrics = (options.metric ?? ["deletion", "insertion", "over-all"]).map(metricByName);
  const ofRows = assignParameters(
    options.param ?? [],
    rows.map(({ label, method }) => ({ name: label, params: method.params })),
  );
  const ofMetrics = assignParameters(options.metricParam ?? [], metrics);
  const threshold = options.threshold === undefined ? undefined : Number(options.threshold);
  if (Number.isNaN(threshold))
    throw new ParameterError(`threshold: expected a number, got '${options.threshold}'.`);
  return {
    models: (options.model ?? [embeddedModelPath]).map((path) => ({ path })),
    methods: rows.map(({ label, method }) => ({
      name: method.name,
      label,
      params: parseTextParams(method, ofRows.get(label) ?? {}),
    })),
    metrics: metrics.map((metric) => ({
      name: metric.name,
      params: parseTextParams(metric, ofMetrics.get(metric.name) ?? {}),
    })),
    savedMaps: (options.savedMaps ?? []).map((text) => {
      const [, label = "", pattern = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (label === "")
        throw new ParameterError(
          `saved-maps: expected NAME=PATTERN, such as captum=maps/{stem}.npy, got '${text}'.`,
        );
      return { label, pattern };
    }),
    dataset: options.dataset,
    baselines: options.baselines,
    ...(options.seed !== undefined && { seed: options.seed }),
    saveMaps: options.saveMaps === true,
    ...(options.target !== undefined && { target: options.target }),
    ...(threshold !== undefined && { threshold }),
    ...(options.classMap !== undefined && { classMap: options.classMap }),
    ...(options.preprocess !== undefined && { preprocess: options.preprocess }),
    ...(options.resize !== undefined && { resize: options.resize }),
    ...(options.layer !== undefined && { layer: options.layer }),
    ...(options.feed !== undefined && { feeds: options.feed }),
    ...(options.output !== undefined && { output: options.output }),
    ...(options.size !== undefined && { size: options.size }),
    ...(options.limit !== undefined && { limit: options.limit }),
  };
}

/** `NAME=ID` taken apart; without a name a row is called like its method. Ids of AOP may hold a file name, and so an `=`. */
function namedRow(text: string): { readonly label: string; readonly id: string } {
  const [, label, id] = /^([\w.-]+)=(.+)$/.exec(text) ?? [];
  return label === undefined || id === undefined ? { label: text, id: text } : { label, id };
}

/** Evaluates the images of a run (or of a shard of it) in this process or in jobs, with progress. */
export async function runShard(
  context: CliContext,
  folder: string,
  configuration: Configuration,
  shard: Shard | undefined,
  options: HowOptions,
): Promise<void> {
  const { plannedImages } = await import("../../evaluation/evaluation-plan.ts");
  const { createEvaluationProgress } = await import("../evaluation-progress.ts");
  const indices = plannedImages(configuration.images.count, configuration.seed, configuration.limit, shard);
  const progress = createEvaluationProgress(process.stderr, indices.length, options.quiet !== true);
  const jobs = options.jobs ?? 1;
  const { threadsPerJob, runJobPool } = await import("../../evaluation/job-pool.ts");
  const threads = options.threads ?? (jobs > 1 ? threadsPerJob(jobs, availableParallelism()) : undefined);
  try {
    if (options.queue !== undefined) {
      const { coordinate } = await import("../../evaluation/queue/coordinate.ts");
      const { openDataset } = await import("../../datasets/open-dataset-node.ts");
      await coordinate({
        url: options.queue,
        configuration,
        dataset: openDataset(configuration.dataset, configuration.seed),
        indices,
        folder,
        recordsPath: join(folder, recordsFileOf(shard)),
        strict: options.strict === true,
        retryFailures: options.retryFailures === true,
        onRecord: (record) => progress.onRecord(record),
        onImage: (index) => progress.onImage(index),
        onNote: (note) => context.note(note),
        signal: context.signal,
      });
    } else if (jobs > 1) {
      const { openRecordWriter } = await import("../../evaluation/records.ts");
      await runJobPool(indices, {
        count: jobs,
        command: (number) => ({
          script: process.argv[1] ?? fileURLToPath(new URL("../main.js", import.meta.url)),
          args: jobArguments(folder, number, shard, threads ?? 1, options),
        }),
        onRecord: (record) => progress.onRecord(record),
        onImage: (index) => progress.onImage(index),
        onCrash(index, message) {
          const writer = openRecordWriter(join(folder, recordsFileOf(shard)));
          const record: RunRecord = { kind: "failure", image: `#${index}`, code: "CRASH", message };
          writer.append(record);
          writer.close();
          progress.onRecord(record);
        },
        signal: context.signal,
      });
    } else {
      const { openBench } = await import("../../evaluation/open-bench.ts");
      const { runImages } = await import("../../evaluation/run.ts");
      const opened = await openBench(configuration, {
        strict: options.strict === true,
        ...(threads !== undefined && { threads }),
      });
      try {
        const recordsFile = recordsFileOf(shard);
        const retryFailures = options.retryFailures === true;
        const { saveMaps } = configuration;
        await runImages(
          {
            folder,
            recordsFile,
            bench: opened.bench,
            dataset: opened.dataset,
            saveMaps,
            retryFailures,
            observer: progress,
            signal: context.signal,
          },
          indices,
        );
      } finally {
        await opened.close();
      }
    }
  } finally {
    progress.end();
  }
  const { failures } = progress.counts();
  if (failures > 0) context.note(`${failures} could not be done; the report lists them.`);
  context.print(`${folder}: ${indices.length} images done. Tables: onnx-saliency report ${folder}`);
}

function jobArguments(
  folder: string,
  number: number,
  shard: Shard | undefined,
  threads: number,
  options: HowOptions,
): readonly string[] {
  return [
    "evaluate",
    "--resume",
    folder,
    "--job",
    String(number),
    "--threads",
    String(threads),
    ...(shard === undefined ? [] : ["--shard", `${shard.index}/${shard.count}`]),
    ...(options.strict === true ? ["--strict"] : []),
    ...(options.retryFailures === true ? ["--retry-failures"] : []),
  ];
}

/** Every process has a file of its own, so that shards and jobs may share a folder. */
function recordsFileOf(shard: Shard | undefined, job?: number): string {
  const ofShard = shard === undefined ? "" : `-shard-${shard.index}-of-${shard.count}`;
  return `records${ofShard}${job === undefined ? "" : `-job-${job}`}.jsonl`;
}
