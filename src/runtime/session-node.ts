import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-node";
import {
  AbortedError,
  ExplainError,
  ModelError,
  ParameterError,
  RuntimeUnavailableError,
  throwIfAborted,
} from "../errors.ts";
import type { AnyTensor } from "../tensor/tensor.ts";
import { placeFiles } from "./place-files-node.ts";
import { physicalCoreCount } from "./physical-cores-node.ts";
import {
  sessionWorker,
  type WireFile,
  type WireTensor,
  type WorkerAnswer,
  type WorkerRequest,
} from "./session-worker-node.ts";
import type { Feeds, Runtime, SerializedModel, Session } from "./session.ts";

export type NodeDevice = "cpu" | "cuda" | "webgpu" | "coreml" | "dml";

export interface NodeRuntimeOptions {
  /** Where models run. Default `cpu`, the only one that is always there. */
  readonly device?: NodeDevice;
  /** Threads of one run. Default: the physical cores that this process may use; more are slower. */
  readonly threads?: number;
  /** Graph optimisation. Default `all`; `disabled` helps to tell our faults from ONNX Runtime's. */
  readonly optimization?: "disabled" | "basic" | "extended" | "all";
  /** File to load ONNX Runtime from. Default: the installed package `onnxruntime-node`. */
  readonly packagePath?: string;
}

interface Job {
  readonly request: WorkerRequest;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (outputs: Readonly<Record<string, WireTensor>>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * ONNX Runtime in one worker thread, so that neither loading nor running a model blocks the event loop. Runs are queued
 * in order; one that is aborted before its turn is never run. The worker does not keep the process alive when idle.
 *
 * @example
 * const runtime = new NodeRuntime({ threads: 4 });
 * const session = await runtime.createSession(writeModel(readModelFile("resnet50.onnx")));
 */
export class NodeRuntime implements Runtime {
  readonly device: NodeDevice;
  /** Threads of one run. */
  readonly threads: number;
  private readonly optimization: NonNullable<NodeRuntimeOptions["optimization"]>;
  private readonly worker: Worker | undefined;
  private readonly queue: Job[] = [];
  private current: Job | undefined;
  private isLoaded = false;
  private failure: Error | undefined;
  private sessionCounter = 0;

  /** Starts the worker, which loads ONNX Runtime in the background; a failure to load shows at `createSession`. */
  constructor(options: NodeRuntimeOptions = {}) {
    this.device = options.device ?? "cpu";
    this.optimization = options.optimization ?? "all";
    this.threads = options.threads ?? physicalCoreCount();
    if (!Number.isInteger(this.threads) || this.threads < 1 || this.threads > 1024) {
      throw new ParameterError(`threads: expected an integer from 1 to 1024, got ${this.threads}.`);
    }
    const path = options.packagePath ?? installedPackage();
    if (path === undefined) {
      this.failure = new RuntimeUnavailableError(
        "onnxruntime-node is not installed, so no model can run. Install it: npm install onnxruntime-node",
      );
      return;
    }
    this.worker = new Worker(workerSource, { eval: true, workerData: path, execArgv: [] });
    this.worker.on("message", (answer: WorkerAnswer) => this.receive(answer));
    this.worker.on("error", (error) => this.fail(crashed(error.message)));
    this.worker.on("exit", (code) => this.fail(crashed(`exit code ${code}`)));
    this.worker.unref();
  }

  /**
   * Loads a model. Weights in files stay on disk where ONNX Runtime can be told their folder.
   *
   * @throws ModelError if ONNX Runtime refuses the model
   * @throws RuntimeUnavailableError if ONNX Runtime or the device is not there
   */
  async createSession(model: SerializedModel): Promise<Session> {
    const { folder, inMemory } = placeFiles(model.externalFiles);
    const transfer: ArrayBuffer[] = [];
    const options: InferenceSession.SessionOptions = {
      executionProviders: [this.device],
      graphOptimizationLevel: this.optimization,
      executionMode: "sequential",
      intraOpNumThreads: this.threads,
      // The pattern planner reserves for the worst case: up to 1.8 times the memory at the same speed.
      enableMemPattern: false,
      logSeverityLevel: 3,
      ...(folder === undefined ? {} : { extra: { session: { [folderOption]: folder } } }),
    };
    const session = ++this.sessionCounter;
    const wireFiles = inMemory.map(({ location, source }) => ({
      location,
      source: toWire(source, transfer),
    }));
    const bytes = toWire(model.bytes, transfer) as Uint8Array<ArrayBuffer>;
    try {
      await this.send({ kind: "create", session, model: bytes, files: wireFiles, options }, transfer);
    } catch (error) {
      throw this.creationError(error);
    }
    return {
      run: (feeds, fetches, signal) => this.run(session, feeds, fetches, signal),
      release: async () => {
        if (this.failure === undefined) await this.send({ kind: "release", session }, []);
      },
    };
  }

  /** Ends the worker with all its sessions. Pending work is rejected; a run that has begun is waited for. */
  async close(): Promise<void> {
    const isBusy = this.failure === undefined && (!this.isLoaded || this.current !== undefined);
    this.fail(new ModelError("The runtime was closed; make a new one to run models."));
    if (isBusy) await this.nextAnswer();
    await this.worker?.terminate();
  }

  /** ONNX Runtime aborts the whole process if its thread is ended while it loads or runs. */
  private async nextAnswer(): Promise<void> {
    const { worker } = this;
    if (worker === undefined) return;
    worker.ref();
    await new Promise<void>((resolve) => {
      for (const event of ["message", "error", "exit"]) worker.once(event, () => resolve());
    });
  }

  private async run(
    session: number,
    feeds: Feeds,
    fetches: readonly string[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, AnyTensor>> {
    throwIfAborted(signal);
    const transfer: ArrayBuffer[] = [];
    const wireFeeds = Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => [name, toWireTensor(name, tensor, transfer)]),
    );
    try {
      const outputs = await this.send({ kind: "run", session, feeds: wireFeeds, fetches }, transfer, signal);
      return outputs as Record<string, AnyTensor>;
    } catch (error) {
      if (error instanceof ExplainError) throw error;
      throw new ModelError(`ONNX Runtime could not run the model: ${messageOf(error)}`, { cause: error });
    }
  }

  private send(
    request: WorkerRequest,
    transfer: readonly ArrayBuffer[],
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, WireTensor>>> {
    return new Promise((resolveJob, rejectJob) => {
      if (this.failure !== undefined) return rejectJob(this.failure);
      const abort = (): void => {
        const index = this.queue.indexOf(job);
        if (index >= 0) this.queue.splice(index, 1);
        job.reject(new AbortedError("The run was stopped before it was finished."));
      };
      const settle =
        <T>(action: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener("abort", abort);
          action(value);
        };
      const job: Job = { request, transfer, resolve: settle(resolveJob), reject: settle(rejectJob) };
      signal?.addEventListener("abort", abort);
      this.queue.push(job);
      this.worker?.ref();
      this.next();
    });
  }

  /** Gives the worker the next job when it is free: one at a time, so that aborted jobs cost nothing. */
  private next(): void {
    if (!this.isLoaded || this.current !== undefined || this.failure !== undefined) return;
    this.current = this.queue.shift();
    if (this.current === undefined) this.worker?.unref();
    else this.worker?.postMessage(this.current.request, this.current.transfer);
  }

  private receive(answer: WorkerAnswer): void {
    if ("backends" in answer) {
      this.isLoaded = true;
    } else if (this.isLoaded) {
      const job = this.current;
      this.current = undefined;
      if ("error" in answer) job?.reject(new Error(answer.error));
      else job?.resolve(answer.outputs);
    } else if ("error" in answer) {
      this.fail(
        new RuntimeUnavailableError(
          `onnxruntime-node cannot be loaded: ${answer.error}. Reinstall it (npm install onnxruntime-node) on a platform that it supports.`,
        ),
      );
    }
    this.next();
  }

  private fail(error: Error): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    const pending = this.current === undefined ? this.queue : [this.current, ...this.queue];
    this.current = undefined;
    for (const job of pending) job.reject(error);
    this.queue.length = 0;
    this.worker?.unref();
  }

  private creationError(error: unknown): Error {
    if (error instanceof ExplainError) return error;
    const message = messageOf(error);
    const isMissing = /no available backend|Failed to load (shared )?library|adapter|CUDA|driver/i.test(
      message,
    );
    if (this.device !== "cpu" && isMissing) {
      return new RuntimeUnavailableError(
        `device ${this.device}: not available here. ${deviceHints[this.device]} (${message})`,
      );
    }
    return new ModelError(`ONNX Runtime refuses the model: ${message}`, { cause: error });
  }
}

const folderOption = "model_external_initializers_file_folder_path";

const deviceHints: Readonly<Record<Exclude<NodeDevice, "cpu">, string>> = {
  cuda: "Linux or Windows x64 with an NVIDIA driver, CUDA 12 and cuDNN 9; fetch the provider with: npm rebuild onnxruntime-node --ignore-scripts=false.",
  webgpu: "It needs a graphics driver with Vulkan, Metal or Direct3D 12. Use device cpu.",
  coreml: "It needs macOS on Apple silicon. Use device cpu.",
  dml: "It needs Windows with Direct3D 12. Use device cpu.",
};

// `__name` stands for what some bundlers and loaders wrap functions in.
const workerSource = `const __name = (f) => f;
const { parentPort, workerData } = require("node:worker_threads");
(${sessionWorker.toString()})(parentPort, () => ({ ort: require(workerData), readFile: require("node:fs").readFileSync }));`;

function installedPackage(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("onnxruntime-node");
  } catch {
    return undefined;
  }
}

/** A copy that may be transferred: the caller's arrays stay the caller's. Paths are left for the worker to read. */
function toWire(source: Uint8Array | { readonly path: string }, transfer: ArrayBuffer[]): WireFile {
  if (!(source instanceof Uint8Array)) return source;
  const copy = new Uint8Array(source);
  transfer.push(copy.buffer);
  return copy;
}

function toWireTensor(name: string, { type, dims, data }: AnyTensor, transfer: ArrayBuffer[]): WireTensor {
  if (type === "bfloat16" || type === "float8") {
    throw new ParameterError(
      `input '${name}': ONNX Runtime takes no ${type} input from JavaScript; cast it in the graph.`,
    );
  }
  if (!ArrayBuffer.isView(data)) return { type, dims, data };
  const copy = data.slice();
  transfer.push(copy.buffer);
  return { type, dims, data: copy };
}

function crashed(reason: string): ModelError {
  return new ModelError(
    `The ONNX Runtime worker ended unexpectedly (${reason}). Start again with a smaller batch.`,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
