import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { recordFiles } from "../src/evaluation/records.ts";
import { recordsOf } from "./support/queue.ts";
import { repository, runCli } from "./support/run-cli.ts";
import { writeTinyClassifier, writeTinyPhotographs } from "./support/tiny-classifier.ts";

const root = mkdtempSync(join(tmpdir(), "cluster-"));
const programs = join(root, "bin");
const images = join(root, "imagenet/val");
const model = join(root, "models/inception_v3.onnx");
const run = promisify(execFile);

/** Runs a shell with stand-ins for srun and npx, which call the program that was built here. */
async function shell(args: readonly string[], variables: Readonly<Record<string, string>>): Promise<void> {
  const PATH = `${programs}:${process.env["PATH"] ?? ""}`;
  await run("bash", [...args], { cwd: root, env: { ...process.env, ...variables, PATH } });
}

function writeProgram(name: string, script: string): void {
  const path = join(programs, name);
  writeFileSync(path, `#!/bin/bash\n${script}\n`);
  chmodSync(path, 0o755);
}

let reference: readonly unknown[];

beforeAll(async () => {
  for (const folder of [programs, join(root, "models"), join(images, "n01440764")])
    mkdirSync(folder, { recursive: true });
  writeProgram("srun", 'exec "$@"');
  writeProgram(
    "npx",
    `while [ "$1" != onnx-saliency ]; do shift; done; shift; exec "${process.execPath}" "${join(repository, "dist/cli/main.js")}" "$@"`,
  );
  writeTinyClassifier(model);
  await writeTinyPhotographs(join(images, "n01440764"), 3);
  const plain = join(root, "plain");
  const { stderr, status } = await runCli(
    `evaluate --model ${model} --dataset imagenet:${images} --method grad-cam,wgrad-cam,i-gos,sigcam --metric deletion,insertion,over-all --resize stretch --threads 1 --out ${plain}`.split(
      " ",
    ),
  );
  if (status !== 0) throw new Error(stderr);
  reference = await recordsOf(plain);
});
afterAll(() => rmSync(root, { recursive: true }));

it("gives the records of a plain run from the Slurm array of the documentation", async () => {
  const RUN = join(root, "slurm");
  for (const SLURM_ARRAY_TASK_ID of ["1", "2"]) {
    await shell([join(repository, "docs/cluster/evaluate.sbatch")], {
      SLURM_ARRAY_TASK_ID,
      SLURM_ARRAY_TASK_COUNT: "2",
      RUN,
      IMAGENET: images,
      MODEL: model,
    });
  }
  expect(await recordsOf(RUN)).toEqual(reference);
});

it("gives the records of a plain run from the indexed job of the documentation", async () => {
  const job = readFileSync(join(repository, "docs/cluster/evaluate-job.yaml"), "utf8");
  const [, completions] = /completions: (\d+)/.exec(job) ?? [];
  const [, folded = ""] = /- >-\n([\s\S]*?)\n +resources:/.exec(job) ?? [];
  const command = folded.replace(/\n */g, " ").replaceAll("/data/", `${root}/`);
  expect(command).toContain(`/${completions} `);
  // The three images are those of the first three pods.
  for (const JOB_COMPLETION_INDEX of ["0", "1", "2"]) await shell(["-c", command], { JOB_COMPLETION_INDEX });
  const folder = join(root, "run");
  expect(recordFiles(folder)).toHaveLength(3);
  expect(await recordsOf(folder)).toEqual(reference);
});
