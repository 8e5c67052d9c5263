/** One explanation that is made in Node and in the browser. */
export interface ParityCase {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly target: number;
}

/** What the browser is asked. */
export interface ParityRequest {
  /** Base64 of the ONNX file. */
  readonly model: string;
  readonly preprocess: string;
  readonly device: "wasm" | "webgpu" | "auto";
  readonly input: { readonly dims: readonly number[]; readonly data: readonly number[] };
  readonly cases: readonly ParityCase[];
  /** Puts a graphics processor into the worker's browser that fails as soon as it is used. */
  readonly hasBrokenGpu?: boolean;
  /** How often each case is run; the map is the last one's. Default 1. */
  readonly repeats?: number;
  /** Base64 of a photograph to decode and prepare. */
  readonly photograph?: string;
}

export interface ParityAnswer {
  readonly device: string;
  readonly notes: readonly string[];
  readonly check: { readonly verdict: string; readonly error: number } | undefined;
  /** The input that the photograph became. */
  readonly prepared: readonly number[];
  readonly maps: readonly {
    readonly values: readonly number[];
    readonly isFinite: boolean;
    /** Milliseconds of each run. */
    readonly times: readonly number[];
    readonly error?: string;
  }[];
}

declare global {
  interface Window {
    runParity: (request: ParityRequest) => Promise<ParityAnswer>;
  }
}
