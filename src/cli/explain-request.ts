import type { ColorMapName } from "../image/color-map.ts";
import type { Budget } from "../methods/explain.ts";
import type { ImageSize } from "../runtime/image-input.ts";
import type { NodeDevice } from "../runtime/session-node.ts";

/** What `explain` is asked to do: plain data that can be saved as JSON and run again. */
export interface ExplainRequest {
  /** Paths of photographs; `-` is standard input. */
  readonly images: readonly string[];
  /** Path of an ONNX file; the embedded model if absent. */
  readonly model?: string;
  /** Method ids; several make one picture with a panel each. */
  readonly methods: readonly string[];
  /** Each `top1`, `top5`, a class index, a class name, or several with commas between them. */
  readonly targets: readonly string[];
  /** `key=value` or `METHOD.key=value`. */
  readonly parameters: readonly string[];
  readonly layer?: string;
  readonly labels?: string;
  /** A preset or the path of a JSON description. */
  readonly preprocess?: string;
  readonly resize?: "stretch" | "crop" | "letterbox";
  /** Values of further inputs, each `NAME=VALUE` or `NAME=FILE.npy`. */
  readonly feed?: readonly string[];
  /** The value with the class scores, if it is not found. */
  readonly output?: string;
  /** Height and width (of a volume: depth first), for a network that takes any. */
  readonly size?: ImageSize;
  /** Folder of the results; `-` writes the picture to standard output. */
  readonly out: string;
  readonly seed: number;
  readonly threads?: number;
  readonly colorMap?: ColorMapName;
  /** Of the map over the photograph, 0..1. */
  readonly opacity?: number;
  readonly device?: NodeDevice;
  /** What each map may cost; where it is spent, the best map so far is written. */
  readonly budget?: Budget;
  /** Write the intermediate maps, and a film of them. */
  readonly frames?: boolean;
  /** Draw the loss history. */
  readonly plot?: boolean;
  /** Measure deletion and insertion of each map. */
  readonly evaluate?: boolean;
}
