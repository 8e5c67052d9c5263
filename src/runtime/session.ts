import type { AnyTensor } from "../tensor/tensor.ts";

export type Feeds = Readonly<Record<string, AnyTensor>>;

/** The one thing the core knows about ONNX Runtime. */
export interface Session {
  /**
   * Runs the graph on the feeds and returns the fetched outputs (all graph outputs if not given).
   * Rejects with an `AbortedError` when the signal fires; a run that has begun may finish in the background.
   */
  run(feeds: Feeds, fetches?: readonly string[], signal?: AbortSignal): Promise<Record<string, AnyTensor>>;
  /** Frees the native memory. Running afterwards is an error. */
  release(): Promise<void>;
}

/** A file of weights that a serialised model refers to as external data. */
export interface ExternalFile {
  /** The `location` that the initializers name. */
  readonly location: string;
  /** The bytes (browser, or a model held in memory), or a path on disk (Node). */
  readonly source: Uint8Array | { readonly path: string };
}

/** A serialised model, ready for a runtime. */
export interface SerializedModel {
  readonly bytes: Uint8Array;
  readonly externalFiles: readonly ExternalFile[];
}

/** Makes sessions. One implementation for Node, one for the browser. */
export interface Runtime {
  /** `cpu`, `wasm`, `webgpu`, `cuda`, ... */
  readonly device: string;
  createSession(model: SerializedModel): Promise<Session>;
  /** Ends the workers that this runtime started. */
  close(): Promise<void>;
}
