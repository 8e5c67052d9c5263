import type {
  ExplanationRecord,
  Layer,
  Placement,
  Preprocess,
  RgbaImage,
  SaliencyMap,
  Target,
} from "onnx-saliency/web";

/** A model as the page shows it. */
export interface ModelInfo {
  readonly name: string;
  readonly sha256?: string;
  readonly opset: number;
  readonly producer: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly classCount: number;
  readonly labels?: readonly string[];
  readonly probabilityKind: "softmax" | "sigmoid";
  readonly device: string;
  readonly deviceNotes: readonly string[];
  readonly notes: readonly string[];
  readonly preprocess: Preprocess;
  readonly preprocessSource: string;
  /** Candidates for the target layer, last first. */
  readonly layers: readonly Layer[];
  /** Absent if the network has no layer with a grid over the image. */
  readonly defaultLayer?: string;
  /** Operators of the network, most frequent first. */
  readonly operators: readonly (readonly [name: string, count: number])[];
  readonly logits: string;
}

/** A photograph as the page shows it, with the network's opinion. */
export interface ImageInfo {
  readonly photograph: RgbaImage;
  readonly placement: Placement;
  readonly logits: Float32Array;
  readonly probabilities: Float64Array;
}

export interface GradientCheckInfo {
  readonly verdict: "pass" | "fail" | "inconclusive";
  readonly error: number;
  readonly reason: string;
}

/** A way to prepare the photograph, and the class that the network then sees. */
export interface CandidateInfo {
  readonly name: string;
  readonly reason: string;
  /** JSON text that has the model opened with it. */
  readonly description: string;
  readonly index: number;
  readonly probability: number;
}

export interface ExplanationInfo {
  readonly map: SaliencyMap;
  readonly record: ExplanationRecord;
}

/** Deletion and insertion of a map. */
export interface CurvesInfo {
  readonly deletion: CurveInfo;
  readonly insertion: CurveInfo;
}

export interface CurveInfo {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly area: number;
}

/** A photograph of which parts are hidden, and the network's opinion on it. */
export interface CompositeInfo {
  /** The network's view, `width * height` of the model's input. */
  readonly pixels: RgbaImage;
  readonly probabilities: Float64Array;
}

export type Fill = "blur" | "mean" | "black";

/** What the page asks the worker, by name. */
export interface Calls {
  "load-model": {
    readonly ask: {
      readonly model: Blob | string;
      readonly name: string;
      readonly dataFiles: Readonly<Record<string, Blob>>;
      readonly labels?: { readonly name: string; readonly text: string };
      /** A preset, a description, or a Hugging Face configuration (its name then starts with `preprocessor_config`). */
      readonly preprocess?: { readonly name: string; readonly text: string };
      readonly device: "auto" | "wasm" | "webgpu";
    };
    readonly answer: ModelInfo;
  };
  "load-image": {
    readonly ask: { readonly source: Blob | RgbaImage };
    readonly answer: ImageInfo;
  };
  explain: {
    readonly ask: {
      readonly method: string;
      readonly params: Readonly<Record<string, unknown>>;
      readonly target: Target;
      readonly imageKey: string;
      readonly seed: number;
    };
    readonly answer: ExplanationInfo;
  };
  curves: {
    readonly ask: { readonly map: SaliencyMap; readonly target: Target };
    readonly answer: CurvesInfo;
  };
  remove: {
    readonly ask: {
      readonly map: SaliencyMap;
      readonly share: number;
      readonly kind: "deletion" | "insertion";
    };
    readonly answer: CompositeInfo;
  };
  erase: {
    /** One byte a pixel of the network's input, 1 where erased. */
    readonly ask: { readonly mask: Uint8Array; readonly fill: Fill };
    readonly answer: CompositeInfo;
  };
  /** What the network says under each way in which the photograph may have to be prepared. */
  candidates: { readonly ask: Record<string, never>; readonly answer: readonly CandidateInfo[] };
  check: { readonly ask: Record<string, never>; readonly answer: GradientCheckInfo };
  figure: {
    readonly ask: {
      readonly maps: readonly {
        readonly map: SaliencyMap;
        readonly title: string;
        readonly note: string;
      }[];
      readonly title: string;
      readonly subtitle: string;
      readonly opacity: number;
      readonly colorMap?: string;
    };
    readonly answer: Blob;
  };
}

export type CallName = keyof Calls;

/** Progress of a call; `map` where the method can show one as it goes. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly objective?: number;
  readonly map?: SaliencyMap;
}

export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly name: CallName; readonly ask: unknown }
  | { readonly kind: "abort" | "stop" | "pause" | "resume"; readonly id: number };

export type FromWorker =
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "error"; readonly id: number; readonly message: string; readonly isAborted: boolean }
  | { readonly kind: "progress"; readonly id: number; readonly progress: Progress };
