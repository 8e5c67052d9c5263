import type { InferenceSession, Tensor } from "onnxruntime-web";
import {
  AbortedError,
  ModelError,
  ParameterError,
  RuntimeUnavailableError,
  throwIfAborted,
} from "../errors.ts";
import type { AnyTensor } from "../tensor/tensor.ts";
import type { Feeds, Runtime, SerializedModel, Session } from "./session.ts";

/** What a build of onnxruntime-web exports. */
export type OrtModule = typeof import("onnxruntime-web");

export interface WebRuntimeOptions {
  /**
   * The build to use, or a function that imports it: `() => import("onnxruntime-web/wasm")` (14 MB of WebAssembly) for
   * device `wasm`, `() => import("onnxruntime-web/webgpu")` (27 MB) for `webgpu`.
   */
  readonly ort: OrtModule | (() => Promise<OrtModule>);
  /** Where models run. Default `wasm`, which every browser has. */
  readonly device?: "wasm" | "webgpu";
  /** Threads of WebAssembly. Default: the processors, at most 8, if the page is cross-origin isolated, else 1. */
  readonly threads?: number;
  /** Folder (URL) of the `.wasm` files. Default: beside the script. */
  readonly wasmPaths?: string;
}

/**
 * ONNX Runtime in a browser. WebAssembly blocks the thread that it is called from, so a page makes the runtime in a Web
 * Worker of its own. Runs are queued: ONNX Runtime refuses a second one while the first is under way.
 *
 * @example
 * const runtime = new WebRuntime({ ort: () => import("onnxruntime-web/wasm") });
 */
export class WebRuntime implements Runtime {
  readonly device: "wasm" | "webgpu";
  private readonly options: WebRuntimeOptions;
  private readonly sessions = new Set<InferenceSession>();
  private module: Promise<OrtModule> | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: WebRuntimeOptions) {
    this.options = options;
    this.device = options.device ?? "wasm";
    const { threads } = options;
    if (threads !== undefined && (!Number.isInteger(threads) || threads < 1 || threads > 64)) {
      throw new ParameterError(`threads: expected an integer from 1 to 64, got ${threads}.`);
    }
  }

  /**
   * Loads a model. Weights are given to ONNX Runtime as external data, not copied into the model's bytes.
   *
   * @throws ModelError if ONNX Runtime refuses the model
   * @throws RuntimeUnavailableError if the build cannot be loaded or the browser has no WebGPU
   */
  async createSession(model: SerializedModel): Promise<Session> {
    const ort = await (this.module ??= this.load());
    const externalData = model.externalFiles.map(({ location, source }) => {
      if (source instanceof Uint8Array) return { path: location, data: source };
      throw new ParameterError(`data file '${location}': expected its bytes, got the path ${source.path}.`);
    });
    const options: InferenceSession.SessionOptions = {
      executionProviders: [this.device],
      graphOptimizationLevel: "all",
      executionMode: "sequential",
      enableMemPattern: false,
      logSeverityLevel: 3,
      ...(externalData.length > 0 ? { externalData } : {}),
    };
    const session = await this.inTurn(async () => {
      try {
        return await ort.InferenceSession.create(model.bytes, options);
      } catch (error) {
        throw new ModelError(`ONNX Runtime refuses the model: ${messageOf(error)}`, { cause: error });
      }
    });
    this.sessions.add(session);
    return {
      run: (feeds, fetches, signal) => this.run(ort, session, feeds, fetches, signal),
      release: () => this.inTurn(() => this.release(session)),
    };
  }

  /** Releases all sessions. */
  async close(): Promise<void> {
    for (const session of this.sessions) await this.inTurn(() => this.release(session));
  }

  private async load(): Promise<OrtModule> {
    if (this.device === "webgpu" && (typeof navigator === "undefined" || !("gpu" in navigator))) {
      throw new RuntimeUnavailableError(
        "device webgpu: this browser has no WebGPU. Use device wasm, or a recent Chrome, Edge or Safari.",
      );
    }
    const { ort, threads, wasmPaths } = this.options;
    try {
      const module = typeof ort === "function" ? await ort() : ort;
      module.env.wasm.numThreads = threads ?? defaultThreads();
      module.env.logLevel = "error";
      if (wasmPaths !== undefined) module.env.wasm.wasmPaths = wasmPaths;
      return module;
    } catch (error) {
      // The next attempt may find the network back.
      this.module = undefined;
      throw new RuntimeUnavailableError(
        `onnxruntime-web cannot be loaded: ${messageOf(error)}. Reload the page.`,
        {
          cause: error,
        },
      );
    }
  }

  private async run(
    ort: OrtModule,
    session: InferenceSession,
    feeds: Feeds,
    fetches: readonly string[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, AnyTensor>> {
    throwIfAborted(signal);
    // WebAssembly runs in this thread and its promises resolve at once: without a break no message (stop, pause) gets in.
    await nextTask();
    throwIfAborted(signal);
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => [name, toOrtTensor(ort, name, tensor)]),
    );
    const work = this.inTurn(async () => {
      throwIfAborted(signal);
      if (!this.sessions.has(session)) throw new ModelError("The session was released; make a new one.");
      try {
        const results = await (fetches ? session.run(tensors, fetches) : session.run(tensors));
        const outputs: Record<string, AnyTensor> = {};
        for (const [name, result] of Object.entries(results)) outputs[name] = await fromOrtTensor(result);
        return outputs;
      } catch (error) {
        throw new ModelError(`ONNX Runtime could not run the model: ${messageOf(error)}`, { cause: error });
      }
    });
    return await untilAborted(work, signal);
  }

  private async release(session: InferenceSession): Promise<void> {
    if (this.sessions.delete(session)) await session.release();
  }

  /** Does work when all earlier work has ended. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work, work);
    this.last = result.catch(() => undefined);
    return result;
  }
}

/** Resolves when the events that wait have been handled; unlike a timer it is not held back by the browser. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

function defaultThreads(): number {
  if (!globalThis.crossOriginIsolated) return 1;
  return Math.min(globalThis.navigator.hardwareConcurrency, 8);
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new AbortedError("The run was stopped before it was finished."));
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function toOrtTensor(ort: OrtModule, name: string, { type, dims, data }: AnyTensor): Tensor {
  if (type === "bfloat16" || type === "float8") {
    throw new ParameterError(
      `input '${name}': ONNX Runtime takes no ${type} input from JavaScript; cast it in the graph.`,
    );
  }
  return new ort.Tensor(type as "float32", data as Float32Array, dims);
}

/** The tensor in main memory; those on a GPU are read back. */
async function fromOrtTensor(result: Tensor): Promise<AnyTensor> {
  const data = await result.getData(true);
  const { type, dims } = result;
  // Where JavaScript has Float16Array, halves come as that; ours are bit patterns everywhere.
  const isHalf = type === "float16" && ArrayBuffer.isView(data);
  const plain = isHalf ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data;
  return { type, dims, data: plain as AnyTensor["data"] };
}

function messageOf(error: unknown): string {
  // WebAssembly throws the address of an exception of C++ where ONNX Runtime does not turn it into words.
  if (typeof error === "number") {
    return "it failed inside, most likely for want of memory or because the graphics processor is lost";
  }
  return error instanceof Error ? error.message : String(error);
}
