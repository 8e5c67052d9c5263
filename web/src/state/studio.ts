import { computed, effect, signal } from "@preact/signals";
import type { RgbaImage, SaliencyMap, Target } from "onnx-saliency/web";
import { Engine, JobAborted, type Job } from "../engine/engine.ts";
import type {
  ExplanationInfo,
  GradientCheckInfo,
  ImageInfo,
  ModelInfo,
  Progress,
} from "../engine/protocol.ts";
import { shrink } from "./display-photo.ts";
import { displayed, layer, paramsOf } from "./settings.ts";

/** A photograph in the page. */
export interface Photograph extends ImageInfo {
  readonly name: string;
  /** The photograph at a size fit for the screen. */
  readonly shown: RgbaImage;
  /** Tells photographs apart. */
  readonly key: number;
}

/** What is known of one explanation. */
export type Result =
  | {
      readonly kind: "running";
      readonly progress?: Progress;
      readonly startedAt: number;
      readonly job: Job<ExplanationInfo>;
    }
  | ({ readonly kind: "done" } & ExplanationInfo)
  | { readonly kind: "failed"; readonly message: string };

export interface Explained {
  readonly method: string;
  readonly target: Target;
}

export const engine = new Engine();
export const model = signal<ModelInfo | undefined>(undefined);
export const photograph = signal<Photograph | undefined>(undefined);
export const target = signal<Target>({ index: 0 });
/** The method on the stage. */
export const selected = signal("grad-cam");
/** The methods side by side. */
export const gallery = signal<readonly string[]>([
  "grad-cam",
  "layer-cam",
  "guided-backprop",
  "input-x-gradient",
]);
/** Explanations kept for comparison, of any class. */
export const pinned = signal<readonly Explained[]>([]);
export const results = signal<ReadonlyMap<string, Result>>(new Map());
/** What the page is busy with, if it is not an explanation. */
export const activity = signal<string | undefined>("Starting");
export const problem = signal<string | undefined>(undefined);
export const gradientCheck = signal<GradientCheckInfo | "running" | undefined>(undefined);
/** False while the optimiser or another long job wants the worker for itself. */
export const isQueueOpen = signal(true);

let photographCount = 0;

/** Identifies an explanation: photograph, method, parameters, class. */
export function resultKey({ method, target }: Explained): string {
  const photo = photograph.value?.key ?? 0;
  return JSON.stringify([photo, method, paramsOf(method), target.index, target.minus ?? null]);
}

export function setResult(key: string, result: Result | undefined): void {
  const next = new Map(results.value);
  if (result === undefined) next.delete(key);
  else next.set(key, result);
  results.value = next;
}

export function resultOf(explained: Explained): Result | undefined {
  return results.value.get(resultKey(explained));
}

/** Everything that is to be seen now, what is on the stage first. */
export const wanted = computed<readonly Explained[]>(() => {
  const current = target.value;
  return [selected.value, ...gallery.value.filter((method) => method !== selected.value)]
    .map((method): Explained => ({ method, target: current }))
    .concat(pinned.value);
});

/** The explanation on the stage. */
export const stage = computed(() => resultOf({ method: selected.value, target: target.value }));

/** All finished maps on display; they share a scale where raw values are shown. */
export const shownMaps = computed<readonly SaliencyMap[]>(() =>
  wanted.value.flatMap((explained) => {
    const result = resultOf(explained);
    return result?.kind === "done" ? [displayed(result.map)] : [];
  }),
);

let isWorking = false;

/** Works through what is wanted, one at a time; starts anew whenever something changes. */
async function work(): Promise<void> {
  if (isWorking) return;
  isWorking = true;
  try {
    for (;;) {
      if (!isQueueOpen.peek() || photograph.peek() === undefined) return;
      const next = wanted.peek().find((explained) => results.peek().get(resultKey(explained)) === undefined);
      if (next === undefined) return;
      await runExplanation(next);
    }
  } finally {
    isWorking = false;
  }
}

/** Explains and keeps the result. */
export async function runExplanation(
  { method, target }: Explained,
  onProgress?: (progress: Progress) => void,
  onStart?: (job: Job<ExplanationInfo>) => void,
): Promise<void> {
  const key = resultKey({ method, target });
  const startedAt = performance.now();
  const job: Job<ExplanationInfo> = engine.call(
    "explain",
    { method, params: paramsOf(method), target, imageKey: stemOf(photograph.peek()?.name ?? ""), seed: 0 },
    (progress) => {
      setResult(key, { kind: "running", progress, startedAt, job });
      onProgress?.(progress);
    },
  );
  onStart?.(job);
  setResult(key, { kind: "running", startedAt, job });
  try {
    setResult(key, { kind: "done", ...(await job.answer) });
  } catch (error) {
    if (error instanceof JobAborted) setResult(key, undefined);
    else setResult(key, { kind: "failed", message: messageOf(error) });
  }
}

/** Keeps the work in step with what is shown; what nobody waits for any more is given up. */
export function startQueue(): void {
  effect(() => {
    const keys = new Set(wanted.value.map(resultKey));
    const open = isQueueOpen.value;
    for (const [key, result] of results.peek()) {
      if (result.kind === "running" && !keys.has(key) && open) result.job.abort();
    }
    if (photograph.value !== undefined && open) void work();
  });
}

/** Runs a step with a word on the screen; errors become the page's message. */
async function during<Value>(label: string, step: () => Promise<Value>): Promise<Value | undefined> {
  activity.value = label;
  problem.value = undefined;
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof JobAborted)) problem.value = messageOf(error);
    return undefined;
  } finally {
    activity.value = undefined;
  }
}

export interface ModelFiles {
  readonly model: Blob | string;
  readonly name: string;
  readonly dataFiles: Readonly<Record<string, Blob>>;
  readonly labels?: { readonly name: string; readonly text: string };
  readonly preprocess?: { readonly name: string; readonly text: string };
}

/** The files of the model on screen, or of the one that could not be opened for want of another file. */
export const modelFiles = signal<ModelFiles | undefined>(undefined);
export const device = signal<"auto" | "wasm" | "webgpu">("auto");

let lastSource: { readonly source: Blob | RgbaImage; readonly name: string } | undefined;

/** Opens a model; the photograph stays. @returns whether it worked. */
export async function openModel(files: ModelFiles): Promise<boolean> {
  abortAll();
  modelFiles.value = files;
  const info = await during(`Opening ${files.name}`, async () => {
    const opened = await engine.call("load-model", { ...files, device: device.value }).answer;
    return opened;
  });
  if (info === undefined) return false;
  results.value = new Map();
  pinned.value = [];
  layer.value = undefined;
  gradientCheck.value = undefined;
  photograph.value = undefined;
  model.value = info;
  if (lastSource !== undefined) await openImage(lastSource.source, lastSource.name);
  return true;
}

/** Opens a photograph and explains the class that the network sees. @returns whether it worked. */
export async function openImage(source: Blob | RgbaImage, name: string): Promise<boolean> {
  abortAll();
  const info = await during(
    `Looking at ${name}`,
    async () => await engine.call("load-image", { source }).answer,
  );
  if (info === undefined) return false;
  lastSource = { source, name };
  results.value = new Map();
  pinned.value = [];
  target.value = { index: ranking(info.logits, 1)[0] ?? 0 };
  photograph.value = { ...info, name, shown: shrink(info.photograph, 1024), key: ++photographCount };
  return true;
}

/** Proves the gradient on this device once a model, when the first maps are there. */
export async function proveGradient(): Promise<void> {
  if (gradientCheck.value !== undefined) return;
  gradientCheck.value = "running";
  try {
    gradientCheck.value = await engine.call("check", {}).answer;
  } catch (error) {
    gradientCheck.value = { verdict: "fail", error: Number.NaN, reason: messageOf(error) };
  }
}

function abortAll(): void {
  for (const result of results.value.values()) if (result.kind === "running") result.job.abort();
}

/** The classes with the highest logits, best first. */
export function ranking(logits: ArrayLike<number>, count: number): readonly number[] {
  return Array.from({ length: logits.length }, (_, index) => index)
    .sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0))
    .slice(0, count);
}

/** A class as people call it. */
export function labelOf(index: number): string {
  return model.value?.labels?.[index]?.split(",")[0] ?? `class ${index}`;
}

export function targetName({ index, minus }: Target): string {
  return minus === undefined ? labelOf(index) : `${labelOf(index)} against ${labelOf(minus)}`;
}

/** The name of a file without its ending. */
export function stemOf(name: string): string {
  return name.replace(/\.[^.]*$/, "");
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
