import type { MessagePort } from "node:worker_threads";
import type { InferenceSession, Tensor } from "onnxruntime-node";

/** A tensor as it crosses the thread border; buffers are transferred. */
export interface WireTensor {
  readonly type: Tensor.Type;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView<ArrayBuffer> | readonly string[];
}

/** Bytes, or a file that the worker reads. */
export type WireFile = Uint8Array<ArrayBuffer> | { readonly path: string };

/** What the worker is asked. One request is open at a time, so answers need no name. */
export type WorkerRequest =
  | {
      readonly kind: "create";
      readonly session: number;
      readonly model: Uint8Array<ArrayBuffer>;
      readonly files: readonly { readonly location: string; readonly source: WireFile }[];
      readonly options: InferenceSession.SessionOptions;
    }
  | {
      readonly kind: "run";
      readonly session: number;
      readonly feeds: Readonly<Record<string, WireTensor>>;
      readonly fetches: readonly string[] | undefined;
    }
  | { readonly kind: "release"; readonly session: number };

export type WorkerAnswer =
  /** Sent once, before anything else: ONNX Runtime is loaded. An error in its place says why it is not. */
  | { readonly backends: readonly string[] }
  | { readonly outputs: Readonly<Record<string, WireTensor>> }
  | { readonly error: string };

/**
 * The body of the worker thread. It is sent to the worker as source text (`Function.prototype.toString`), so that it
 * runs from TypeScript sources and from the compiled package alike: it may use nothing but its arguments and globals.
 */
export function sessionWorker(
  port: MessagePort,
  load: () => {
    readonly ort: typeof import("onnxruntime-node");
    readonly readFile: (path: string) => Uint8Array<ArrayBuffer>;
  },
): void {
  const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  const post = (answer: WorkerAnswer, transfer: readonly ArrayBuffer[] = []): void =>
    port.postMessage(answer, transfer);
  let loaded: ReturnType<typeof load>;
  try {
    loaded = load();
    post({ backends: loaded.ort.listSupportedBackends().map((backend) => backend.name) });
  } catch (error) {
    post({ error: textOf(error) });
    return;
  }
  const { ort, readFile } = loaded;
  const sessions = new Map<number, InferenceSession>();

  async function answer(request: WorkerRequest): Promise<void> {
    const outputs: Record<string, WireTensor> = {};
    const transfer = new Set<ArrayBuffer>();
    if (request.kind === "create") {
      const externalData = request.files.map(({ location, source }) => ({
        path: location,
        data: "path" in source ? readFile(source.path) : source,
      }));
      const options = externalData.length > 0 ? { ...request.options, externalData } : request.options;
      sessions.set(request.session, await ort.InferenceSession.create(request.model, options));
    } else if (request.kind === "release") {
      await sessions.get(request.session)?.release();
      sessions.delete(request.session);
    } else {
      const session = sessions.get(request.session);
      if (session === undefined) throw new Error("the session was released");
      const feeds: Record<string, Tensor> = {};
      for (const [name, { type, dims, data }] of Object.entries(request.feeds)) {
        feeds[name] = new ort.Tensor(type, data as Float32Array, dims);
      }
      const results = await (request.fetches ? session.run(feeds, request.fetches) : session.run(feeds));
      for (const [name, { type, dims, data }] of Object.entries(results)) {
        if (ArrayBuffer.isView(data)) transfer.add(data.buffer as ArrayBuffer);
        // Where JavaScript has Float16Array, halves come as that; ours are bit patterns everywhere.
        const isHalf = type === "float16" && ArrayBuffer.isView(data);
        const plain = isHalf ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data;
        outputs[name] = { type, dims, data: plain as WireTensor["data"] };
      }
    }
    post({ outputs }, [...transfer]);
  }

  port.on("message", (request: WorkerRequest) => {
    answer(request).catch((error: unknown) => post({ error: textOf(error) }));
  });
}
