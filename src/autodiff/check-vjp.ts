import { GraphBuilder, type PlainAttributes } from "../graph/graph-builder.ts";
import { concreteDim, type Graph, type Shape } from "../graph/graph.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { elementCount, type AnyTensor, type ElementType } from "../tensor/tensor.ts";
import { differentiate } from "./differentiate.ts";
import type { RuleOverrides } from "./rules.ts";

/** Runs a graph; the check does not care how. */
export type Evaluate = (
  graph: Graph,
  opset: number,
  feeds: Readonly<Record<string, AnyTensor>>,
) => Promise<Readonly<Record<string, AnyTensor>>>;

/**
 * An operand: the shape of a random float input that is differentiated, given values of one (`input`), a constant, a
 * graph input that is not differentiated (`feed`: indices that are not known when the graph is built), or absent ("").
 */
export type VjpOperand =
  | Shape
  | { readonly constant: AnyTensor }
  | { readonly input: AnyTensor }
  | { readonly feed: AnyTensor }
  | "";

export interface VjpCaseOptions {
  readonly attributes?: PlainAttributes;
  readonly domain?: string;
  readonly opset?: number;
  /** Outputs of the operator. Default 1; the check gives cotangents to those at `output`, default the first. */
  readonly outputCount?: number;
  readonly output?: number | readonly number[];
  /** The type that the operator runs in; inputs are cast to it and outputs back to float32. Default float32. */
  readonly type?: ElementType;
  /** Range of random values; none lies closer than `gap` to a multiple of `kink`. Default -1..1 away from 0. */
  readonly range?: readonly [number, number];
  readonly kinks?: readonly number[];
  /** Values are a random order of equally spaced numbers: for maxima, no two closer than the step of the difference. */
  readonly distinct?: boolean;
  /** Batch size that the symbol `batch` stands for in the run. Default 2. */
  readonly batch?: number;
  readonly step?: number;
  readonly rules?: RuleOverrides;
  readonly seed?: number;
}

/**
 * Checks a gradient rule on one operator: for random directions u and cotangents v compares `<VJP(v), u>` with
 * `<v, (f(x + e u) - f(x - e u)) / 2e>`. Returns the difference relative to the larger of the two magnitudes (or to the
 * norm of the products, so that a vanishing sum does not blow it up).
 */
export async function checkVjp(
  evaluate: Evaluate,
  opType: string,
  operands: readonly VjpOperand[],
  options: VjpCaseOptions = {},
): Promise<number> {
  const { attributes = {}, batch = 2, step = 1e-2, output = 0, type = "float32" } = options;
  const stream = mersenneStream(options.seed ?? 1);
  const g = GraphBuilder.empty(options.opset ?? 17);
  const feeds: Record<string, AnyTensor> = {};
  const directions: Record<string, Float32Array> = {};
  const wrt: string[] = [];
  const names = operands.map((operand, index) => {
    if (operand === "") return "";
    if ("constant" in operand) return g.constant(operand.constant);
    if ("feed" in operand) {
      feeds[`x${index}`] = operand.feed;
      return g.input(`x${index}`, operand.feed.dims, operand.feed.type);
    }
    const shape = "input" in operand ? operand.input.dims : operand;
    const name = g.input(`x${index}`, shape);
    const dims = shape.map((dim) => concreteDim(dim, batch) ?? 0);
    const data =
      "input" in operand
        ? Float32Array.from(operand.input.data as Float32Array)
        : values(elementCount(dims), options, () => stream.uniform(), index * 0.03);
    feeds[name] = { type: "float32", dims, data };
    directions[name] = Float32Array.from(data, () => 2 * stream.uniform() - 1);
    wrt.push(name);
    return g.cast(name, type);
  });
  const outputs = g.nodeMany(opType, names, attributes, options.outputCount ?? 1, options.domain);
  const of = [output].flat().map((index) => g.output(g.cast(outputs[index] ?? "", "float32"), `y${index}`));
  const { cotangents, gradients } = differentiate(g, {
    of,
    wrt,
    ...(options.rules === undefined ? {} : { rules: options.rules }),
  });
  const graph = g.build();
  const cotangent: Record<string, AnyTensor> = {};
  for (const y of of) {
    const dims = g.dims(y).map((dim) => concreteDim(dim, batch) ?? 0);
    const data = Float32Array.from({ length: elementCount(dims) }, () => 2 * stream.uniform() - 1);
    cotangent[cotangents[y] ?? ""] = { type: "float32", dims, data };
  }
  const at = async (shift: number): Promise<Readonly<Record<string, AnyTensor>>> => {
    const shifted = Object.entries(feeds).map(([name, value]) => {
      const direction = directions[name];
      if (direction === undefined) return [name, value] as const;
      const data = Float32Array.from(
        value.data as Float32Array,
        (x, index) => x + shift * (direction[index] ?? 0),
      );
      return [name, { ...value, data }] as const;
    });
    return evaluate(graph, g.opset, { ...Object.fromEntries(shifted), ...cotangent });
  };
  const here = await at(0);
  const [above, below] = [await at(step), await at(-step)];
  let analytic = 0;
  let size = 0;
  for (const name of wrt) {
    const gradient = here[gradients[name] ?? ""]?.data as Float32Array;
    const direction = directions[name] ?? new Float32Array();
    if (gradient.length !== direction.length) return Number.POSITIVE_INFINITY;
    gradient.forEach((value, index) => {
      const product = value * (direction[index] ?? 0);
      analytic += product;
      size += product * product;
    });
  }
  let numeric = 0;
  for (const y of of) {
    const [up, down] = [above[y]?.data as Float32Array, below[y]?.data as Float32Array];
    const weights = cotangent[cotangents[y] ?? ""]?.data as Float32Array;
    weights.forEach((weight, index) => {
      numeric += (weight * ((up[index] ?? 0) - (down[index] ?? 0))) / (2 * step);
    });
  }
  const scale = Math.max(Math.abs(analytic), Math.abs(numeric), Math.sqrt(size), 1e-6);
  const error = Math.abs(analytic - numeric) / scale;
  // A gradient that is zero everywhere proves nothing.
  return size === 0 ? Number.POSITIVE_INFINITY : error;
}

function values(count: number, options: VjpCaseOptions, uniform: () => number, shift: number): Float32Array {
  if (options.distinct === true) {
    const order = Array.from({ length: count }, (_, index) => index);
    for (let index = count - 1; index > 0; index--) {
      const other = Math.floor(uniform() * (index + 1));
      [order[index], order[other]] = [order[other] ?? 0, order[index] ?? 0];
    }
    return Float32Array.from(order, (position) => (position - count / 2) * 0.1 + shift);
  }
  const [low, high] = options.range ?? [-1, 1];
  const kinks = options.kinks ?? [0];
  return Float32Array.from({ length: count }, () => {
    for (;;) {
      const value = low + (high - low) * uniform();
      if (kinks.every((kink) => Math.abs(value - kink) > 0.03)) return value;
    }
  });
}
