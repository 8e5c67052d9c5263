import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { ModelError } from "../errors.ts";
import type { ValueInfo } from "../graph/graph.ts";
import { explain } from "../methods/explain.ts";
import type { ExplainedMethod } from "../methods/explained-model/explained-methods.ts";
import type { ExplainedModel } from "../methods/explained-model/explained-model.ts";
import type { NodeModel } from "../node.ts";
import type { NetworkInput } from "../runtime/image-input.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { fromHalf, toHalf } from "../tensor/half.ts";
import { tensor, type AnyTensor, type Tensor } from "../tensor/tensor.ts";

/** How a written file compares with the model and the method, on an image of noise. */
export interface ExportCheck {
  /**
   * `same`: all outputs of the model, bit for bit; a number: how far they are apart, over their largest value (infinite
   * where one is missing or of another type); `not-comparable`: ONNX Runtime does not run the model itself.
   */
  readonly outputs: "same" | number | "not-comparable";
  /** Largest difference of the map from the method's own, over the map's largest value. */
  readonly map: number;
}

interface Compared {
  /** The model's file, and the one that was written. */
  readonly path: string;
  readonly out: string;
  readonly method: ExplainedMethod;
  readonly steps: number;
  /** Values of the model's further inputs, which the written file has inside. */
  readonly further: Readonly<Record<string, AnyTensor>>;
  readonly signal?: AbortSignal;
}

const options = { intraOpNumThreads: 1, logSeverityLevel: 3 } as const;

/**
 * Runs both files as any program would, on noise, and the method on the same; `undefined` for an input type that ONNX
 * Runtime's binding for Node does not take.
 */
export async function compareExport(
  model: NodeModel,
  built: ExplainedModel,
  { path, out, method, steps, further, signal }: Compared,
): Promise<ExportCheck | undefined> {
  const { name, layout } = model.network.input;
  const inputs = new Map(built.graph.inputs.map((entry) => [entry.name, entry]));
  const declared = inputs.get(name);
  const feed = declared && noise(declared);
  if (feed === undefined) return undefined;
  const count = inputs.get(built.target)?.dims?.[0];
  const size = typeof count === "number" ? count : 1;
  const target = new OrtTensor("int64", new BigInt64Array(size).fill(-1n), [size]);
  const tensors = model.onnx.graph.outputs.filter(({ nonTensor }) => nonTensor === undefined);
  const kept = tensors.filter((output) => built.graph.outputs.some((other) => other.name === output.name));
  const found = await runFile(out, { [name]: feed, [built.target]: target }, [
    ...kept.map((output) => output.name),
    built.map,
    built.explainedClass,
  ]);
  const map = found[built.map];
  const explained = found[built.explainedClass];
  if (map === undefined || explained === undefined) {
    throw new ModelError(
      `${out}: expected the outputs '${built.map}' and '${built.explainedClass}', got others.`,
    );
  }
  const { channels, height, width } = model;
  const expected = await explain({
    model,
    input: asImage(feed, [channels, height, width], layout),
    method,
    params: method === "integrated-gradients" ? { steps } : {},
    target: Number(explained.data[0]),
    ...(signal !== undefined && { signal }),
  });
  const values = (map.data as Float32Array).subarray(0, height * width);
  // Double precision networks, for one, have no kernels.
  const own = await runFile(
    path,
    { ...toOrt(further), [name]: feed },
    tensors.map((output) => output.name),
  ).catch(() => undefined);
  return {
    outputs: own === undefined ? "not-comparable" : outputDifference(own, found),
    map: difference(values, expected.map.values),
  };
}

function toOrt(values: Readonly<Record<string, AnyTensor>>): Readonly<Record<string, OrtTensor>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, { type, dims, data }]) => [
      name,
      new OrtTensor(type as "float32", data as Float32Array, dims),
    ]),
  );
}

type Results = Awaited<ReturnType<InferenceSession["run"]>>;

async function runFile(
  path: string,
  feeds: Readonly<Record<string, OrtTensor>>,
  fetches: readonly string[],
): Promise<Results> {
  const session = await InferenceSession.create(path, options);
  try {
    return await session.run(feeds, fetches);
  } finally {
    await session.release();
  }
}

function outputDifference(expected: Results, found: Results): ExportCheck["outputs"] {
  let most = 0;
  for (const [name, { type, data }] of Object.entries(expected)) {
    const other = found[name];
    if (other?.type !== type) return Infinity;
    if (type === "string") {
      const texts = data as readonly string[];
      if (texts.some((text, index) => text !== other.data[index])) return Infinity;
    } else {
      most = Math.max(most, difference(numbers(other), numbers({ type, data })));
    }
  }
  return most === 0 ? "same" : most;
}

/** The elements as numbers. */
function numbers({ type, data }: Pick<OrtTensor, "type" | "data">): ArrayLike<number | bigint> {
  if (type !== "float16") return data as ArrayLike<number | bigint>;
  return Float32Array.from(data as Uint16Array, fromHalf);
}

/** Largest difference over the largest magnitude; exactly 0 only where all are equal. */
function difference(actual: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): number {
  let [most, scale] = [actual.length === expected.length ? 0 : Infinity, Number.MIN_VALUE];
  for (let index = 0; index < expected.length; index++) {
    const [a, b] = [Number(actual[index]), Number(expected[index])];
    if (!Object.is(a, b)) most = Math.max(most, Number.isNaN(a - b) ? Infinity : Math.abs(a - b));
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b));
  }
  return most / scale;
}

/** Noise of an input's type and shape, one image if the batch is free; `undefined` for types that are not made here. */
function noise({ type, dims }: ValueInfo): OrtTensor | undefined {
  const shape = (dims ?? []).map((dim) => (typeof dim === "number" ? dim : 1));
  const count = shape.reduce((product, dim) => product * dim, 1);
  const random = mersenneStream(1);
  if (type === "float32") {
    return new OrtTensor(
      "float32",
      Float32Array.from({ length: count }, () => random.normal()),
      shape,
    );
  }
  if (type === "float16") {
    return new OrtTensor(
      "float16",
      Uint16Array.from({ length: count }, () => toHalf(random.normal())),
      shape,
    );
  }
  if (type === "float64") {
    return new OrtTensor(
      "float64",
      Float64Array.from({ length: count }, () => random.normal()),
      shape,
    );
  }
  if (type === "uint8") {
    return new OrtTensor(
      "uint8",
      Uint8Array.from({ length: count }, () => random.integer(256)),
      shape,
    );
  }
  return undefined;
}

/** The first image of a feed, as methods take it: `[1, C, H, W]`. */
function asImage(
  feed: OrtTensor,
  [channels, height, width]: readonly [number, number, number],
  layout: NetworkInput["layout"],
): Tensor {
  const values = numbers(feed);
  const area = height * width;
  const at = (index: number): number =>
    layout === "NCHW" ? index : (index % area) * channels + Math.floor(index / area);
  return tensor(
    Float32Array.from({ length: channels * area }, (_, index) => Number(values[at(index)])),
    [1, channels, height, width],
  );
}
