import { signal } from "@preact/signals";
import { describeParams, findMethod, formatValue, type SaliencyMap } from "onnx-saliency/web";
import type { Job } from "../engine/engine.ts";
import type { ExplanationInfo } from "../engine/protocol.ts";
import { params, paramsOf } from "../state/settings.ts";
import {
  gallery,
  isQueueOpen,
  photograph,
  resultKey,
  results,
  runExplanation,
  selected,
  setResult,
  target,
  targetName,
} from "../state/studio.ts";
import { Chart } from "./chart.tsx";
import { whyNot } from "./method-panel.tsx";
import { OverlayCanvas } from "./overlay-canvas.tsx";
import { timeLeft } from "./work-bar.tsx";

const optimisers = ["sigcam", "i-gos", "i-gos-pp", "meaningful-perturbation", "aop:grad-cam+i-gos"] as const;

/** The optimisers that have no preset `fast` get fewer iterations. */
const fewIterations: Readonly<Record<string, unknown>> = { iterations: 60 };

interface Course {
  readonly method: string;
  readonly key: string;
  readonly state: "running" | "paused" | "finished" | "stopped" | "failed";
  readonly startedAt: number;
  readonly done: number;
  readonly total: number;
  readonly iterations: readonly number[];
  readonly objectives: readonly number[];
  readonly map?: SaliencyMap;
  readonly message?: string;
}

const method = signal<string>("sigcam");
const effort = signal<"fast" | "full">("fast");
const course = signal<Course | undefined>(undefined);
let job: Job<ExplanationInfo> | undefined;

function effortParams(name: string): Readonly<Record<string, unknown>> {
  if (effort.value === "full") return {};
  const preset = describeParams(findMethod(name)).find((each) => each.name === "preset");
  return preset?.accepts.includes("fast") === true ? { preset: "fast" } : fewIterations;
}

async function start(): Promise<void> {
  const name = method.value;
  // The same parameters everywhere: the request and the gallery must say what was run.
  params.value = { ...params.value, [name]: { ...omitEffort(name), ...effortParams(name) } };
  const explained = { method: name, target: target.value };
  const key = resultKey(explained);
  isQueueOpen.value = false;
  for (const result of results.value.values()) if (result.kind === "running") result.job.abort();
  setResult(key, undefined);
  course.value = {
    method: name,
    key,
    state: "running",
    startedAt: performance.now(),
    done: 0,
    total: 0,
    iterations: [],
    objectives: [],
  };
  const update = (change: Partial<Course>): void => {
    if (course.value?.key === key) course.value = { ...course.value, ...change };
  };
  await runExplanation(
    explained,
    ({ done, total, objective, map }) =>
      update({
        done,
        total,
        ...(map === undefined ? {} : { map }),
        ...(objective === undefined
          ? {}
          : {
              iterations: [...(course.value?.iterations ?? []), done],
              objectives: [...(course.value?.objectives ?? []), objective],
            }),
      }),
    (started) => (job = started),
  );
  const result = results.value.get(key);
  if (result?.kind === "done") {
    update({ map: result.map, state: result.record.unfinished === undefined ? "finished" : "stopped" });
    // Whoever has gone on to another class meanwhile is not called back.
    if (resultKey({ method: name, target: target.value }) === key) {
      if (!gallery.value.includes(name)) gallery.value = [...gallery.value, name];
      selected.value = name;
    }
  } else if (result?.kind === "failed") update({ state: "failed", message: result.message });
  else update({ state: "stopped" });
  isQueueOpen.value = true;
}

function omitEffort(name: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(paramsOf(name)).filter(([key]) => !["preset", "iterations", "layer"].includes(key)),
  );
}

/** SIGCAM, I-GOS and the other optimisers at work: the mask as it grows and the objective as it falls. */
export function Optimise() {
  const photo = photograph.value;
  if (photo === undefined) return null;
  const now = course.value;
  const isBusy = now?.state === "running" || now?.state === "paused";
  return (
    <div class="split">
      <div class="live">
        <OverlayCanvas
          photo={photo.shown}
          placement={photo.placement}
          map={now?.map}
          label={
            now === undefined
              ? "The photograph, before anything is optimised"
              : `${findMethod(now.method).title} after ${now.done} of ${now.total} iterations`
          }
        />
      </div>
      <div>
        <div class="row wrap">
          <label>
            <span>Method</span>
            <select
              value={method.value}
              disabled={isBusy}
              onChange={(event) => (method.value = event.currentTarget.value)}
            >
              {optimisers.map((name) => (
                <option key={name} value={name} disabled={whyNot(name) !== undefined}>
                  {name.startsWith("aop:") ? "Grad-CAM optimised by I-GOS" : findMethod(name).title}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span>Effort</span>
            <select
              value={effort.value}
              disabled={isBusy}
              onChange={(event) => (effort.value = event.currentTarget.value as "fast" | "full")}
            >
              <option value="fast">fast</option>
              <option value="full">as published</option>
            </select>
          </label>
        </div>
        <div class="row">
          <button type="button" class="primary" disabled={isBusy} onClick={() => void start()}>
            {now === undefined ? "Start" : "Start again"}
          </button>
          <button
            type="button"
            disabled={!isBusy}
            onClick={() => {
              if (now === undefined) return;
              if (now.state === "paused") job?.resume();
              else job?.pause();
              course.value = { ...now, state: now.state === "paused" ? "running" : "paused" };
            }}
          >
            {now?.state === "paused" ? "Resume" : "Pause"}
          </button>
          <button type="button" disabled={!isBusy} onClick={() => job?.stop()}>
            Stop here
          </button>
        </div>
        <p role="status" class="course">
          {now === undefined
            ? `Finds the smallest part of the photograph whose removal makes the network give up on ${targetName(target.value)}.`
            : describeCourse(now)}
        </p>
        {isBusy && (
          <progress
            aria-label="Progress of the optimisation"
            {...(now.total === 0 ? {} : { value: now.done, max: now.total })}
          />
        )}
        {now !== undefined && now.objectives.length > 0 && (
          <Chart
            label={`The objective over ${now.objectives.length} iterations: from ${formatValue(now.objectives[0] ?? 0)} to ${formatValue(now.objectives.at(-1) ?? 0)}`}
            lines={[
              {
                name: "objective",
                kind: "first",
                x: now.iterations,
                y: now.objectives,
              },
            ]}
            xRange={[1, Math.max(2, now.total)]}
            xTitle="iteration"
            yTitle="objective: score left + size and roughness of the mask"
            format={(value) => formatValue(value)}
          />
        )}
      </div>
    </div>
  );
}

function describeCourse({ state, done, total, startedAt, message }: Course): string {
  switch (state) {
    case "running":
      return total === 0
        ? "Preparing the network …"
        : `Iteration ${done} of ${total}, ${timeLeft(startedAt, done, total)}`;
    case "paused":
      return `Paused after iteration ${done} of ${total}. Resume goes on from here.`;
    case "finished":
      return `Finished after ${done} iterations, in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`;
    case "stopped":
      return `Stopped after ${done} of ${total} iterations. The map is the best so far.`;
    default:
      return message ?? "It failed.";
  }
}
