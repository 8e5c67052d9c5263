import type { RuleOverrides } from "../autodiff/rules.ts";
import { ModelError, ShapeError } from "../errors.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { writeModel } from "../onnx/write.ts";
import { concatBatch, elementCount, type AnyTensor, type Tensor } from "../tensor/tensor.ts";
import { BatchQueue, type BatchJob, type BatchPiece } from "./batch-queue.ts";
import type { EvaluationCounts, Layer, Program, ProgramFeeds, ScoreKind, Target } from "./model.ts";
import type { Network } from "./network.ts";
import { buildProgramGraph, type ScoreName } from "./program-graph.ts";
import { cotangentTensor } from "./scoring.ts";
import { SessionCache, type ProgramSession } from "./session-cache.ts";
import type { Runtime } from "./session.ts";

export interface ProgramRunnerOptions {
  readonly network: Network;
  readonly onnx: OnnxModel;
  readonly runtime: Runtime;
  /** Rules that the back end needs instead of the standard ones. */
  readonly backendRules: RuleOverrides | undefined;
  readonly layer: (name: string) => Layer;
  /** Images a run may take now. */
  readonly batchSize: (kind: "forward" | "gradient") => number;
}

/** What is differentiated, for each sample. */
export interface Cotangent {
  readonly kind: ScoreKind;
  readonly targets: readonly Target[];
}

interface ProgramJob extends BatchJob {
  readonly program: Program;
  readonly feeds: ProgramFeeds;
  readonly cotangent: Cotangent | undefined;
}

/** Differentiated sessions kept open at once; each holds its own packed copy of the weights. */
const maxSessions = 4;

const scoreOf: Readonly<Record<ScoreKind, ScoreName>> = {
  logit: "logits",
  probability: "probability",
  "log-probability": "log-probability",
};

/** Runs programs of one network on a runtime: a session a program, samples in batches, evaluations counted. */
export class ProgramRunner {
  private readonly options: ProgramRunnerOptions;
  private readonly sessions = new SessionCache(maxSessions);
  private readonly queue: BatchQueue<ProgramJob>;
  private forward = 0;
  private backward = 0;

  constructor(options: ProgramRunnerOptions) {
    this.options = options;
    this.queue = new BatchQueue(
      (job) => options.batchSize(job.cotangent === undefined ? "forward" : "gradient"),
      (pieces, signal) => this.runBatch(pieces, signal),
    );
  }

  get counts(): EvaluationCounts {
    return { forward: this.forward, gradient: this.backward };
  }
  /** Sets the counts back: a look at the network is no evaluation of it. */
  resetCounts({ forward, gradient }: EvaluationCounts): void {
    this.forward = forward;
    this.backward = gradient;
  }

  /** All outputs of a program, joined along axis 0; samples of requests made at once share batches. */
  run(
    program: Program,
    feeds: ProgramFeeds,
    signal: AbortSignal | undefined,
    cotangent: Cotangent | undefined,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const key = `${sessionKey(program)}${cotangent === undefined ? "" : ` ${cotangent.kind}`}`;
    return this.queue.submit({ key, program, feeds, count: sampleCount(feeds), signal, cotangent });
  }

  /** Works with a program's own session. */
  use<T>(program: Program, work: (session: ProgramSession) => Promise<T>): Promise<T> {
    return this.sessions.use(sessionKey(program), () => this.createSession(program, false), work);
  }

  close(): Promise<void> {
    return this.sessions.close();
  }

  /** One run: pieces of one program, as one batch. */
  private async runBatch(
    pieces: readonly BatchPiece<ProgramJob>[],
    signal: AbortSignal | undefined,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const [first] = pieces;
    if (first === undefined) throw new ModelError("The run returned no logits: no samples were given.");
    const { program, cotangent } = first.job;
    // Jobs that differ in what is the same for all their samples get a session in which it may differ from sample to sample.
    const spread = pieces.some(({ job }) => !sameFeeds(job.feeds.shared, first.job.feeds.shared));
    const key = `${sessionKey(program)}${spread ? " spread" : ""}`;
    return this.sessions.use(
      key,
      () => this.createSession(program, spread),
      async ({ graph, session }) => {
        const count = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
        const padding =
          this.options.network.input.fixedBatch === undefined
            ? 0
            : this.options.network.input.fixedBatch - count;
        const batch: Record<string, AnyTensor> = {};
        const feed = (name: string, value: AnyTensor): void => {
          const actual = graph.inputs[name];
          if (actual === undefined)
            throw new ModelError(`Program '${program.key}': no input named '${name}'.`);
          batch[actual] = value;
        };
        for (const name of Object.keys(first.job.feeds.batched))
          feed(name, joinedFeed(pieces, name, padding));
        for (const [name, value] of Object.entries(first.job.feeds.shared ?? {})) {
          feed(name, spread ? spreadFeed(pieces, name) : value);
        }
        if (cotangent !== undefined) {
          const targets = pieces.flatMap(
            ({ job, start, end }) => job.cotangent?.targets.slice(start, end) ?? [],
          );
          for (const [score, name] of Object.entries(graph.cotangents)) {
            batch[name] = cotangentTensor(
              score === scoreOf[cotangent.kind] ? targets : [],
              count + padding,
              Math.max(this.options.network.tail.logitCount, 2),
            );
          }
        }
        const result = await session.run(batch, Object.values(graph.outputs), signal);
        if (cotangent === undefined) this.forward += count;
        else this.backward += count;
        const outputs: Record<string, Tensor> = {};
        for (const [name, actual] of Object.entries(graph.outputs)) {
          const value = result[actual];
          if (value?.type !== "float32") {
            throw new ModelError(`Output '${actual}': expected float32, got ${value?.type ?? "nothing"}.`);
          }
          outputs[name] = (padding === 0 ? value : samples(value, 0, count, 0)) as Tensor;
        }
        return outputs;
      },
    );
  }

  private async createSession(program: Program, spread: boolean): Promise<ProgramSession> {
    const { network, onnx, runtime, layer, backendRules } = this.options;
    const graph = buildProgramGraph(network, program, layer, { spread, backendRules });
    const opsets = new Map(onnx.opsets).set("", graph.opset);
    const serialized = writeModel({
      graph: graph.graph,
      opsets,
      irVersion: Math.max(8, onnx.irVersion),
      files: onnx.files,
    });
    return { graph, session: await runtime.createSession(serialized) };
  }
}

function sessionKey(program: Program): string {
  const { key, start, wrt, layers, rules, outputs } = program;
  return JSON.stringify([key, start, wrt, layers, rules?.name, outputs]);
}

/** The number of samples that feeds hold; all must agree. */
export function sampleCount(feeds: ProgramFeeds): number {
  const counts = new Set(Object.values(feeds.batched).map((value) => value.dims[0] ?? 0));
  const [count] = counts;
  if (counts.size !== 1 || count === undefined || count === 0) {
    throw new ShapeError(
      `feeds: expected the same number of samples in each, got ${[...counts].join(", ") || "none"}.`,
    );
  }
  return count;
}

function sameFeeds(a: ProgramFeeds["shared"] = {}, b: ProgramFeeds["shared"] = {}): boolean {
  return Object.entries(a).every(([name, value]) => b[name] === value);
}

/** The batched feed of all pieces, followed by `padding` copies of the last sample. */
function joinedFeed(pieces: readonly BatchPiece<ProgramJob>[], name: string, padding: number): AnyTensor {
  const parts = pieces.map(({ job, start, end }, index) => {
    const value = job.feeds.batched[name];
    if (value === undefined) throw new ModelError(`Program '${job.program.key}': no feed for '${name}'.`);
    return samples(value, start, end, index === pieces.length - 1 ? padding : 0);
  });
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : concatBatch(parts as readonly Tensor[]);
}

/** A feed that is the same within each piece, once for each sample. */
function spreadFeed(pieces: readonly BatchPiece<ProgramJob>[], name: string): AnyTensor {
  const parts = pieces.flatMap(({ job, start, end }) => {
    const value = job.feeds.shared?.[name];
    if (value === undefined) throw new ModelError(`Program '${job.program.key}': no feed for '${name}'.`);
    return Array.from({ length: end - start }, () => value);
  });
  return concatBatch(parts as readonly Tensor[]);
}

/** Samples `start..end` of axis 0, followed by `padding` copies of the last one. */
function samples(value: AnyTensor, start: number, end: number, padding: number): AnyTensor {
  const size = elementCount(value.dims.slice(1));
  const data = (value.data as Float32Array).subarray(start * size, end * size);
  const dims = [end - start + padding, ...value.dims.slice(1)];
  if (padding === 0) return { ...value, dims, data };
  const padded = new Float32Array(elementCount(dims));
  padded.set(data);
  for (let copy = 0; copy < padding; copy++)
    padded.set(data.subarray(data.length - size), data.length + copy * size);
  return { ...value, dims, data: padded };
}
