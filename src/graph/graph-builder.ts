import { ModelError } from "../errors.ts";
import { onnxTypeNumber } from "../tensor/element-type.ts";
import type { ElementType } from "../tensor/tensor.ts";
import { GraphEditor, type InputOptions } from "./graph-editor.ts";
import type { Graph, Shape } from "./graph.ts";

export type { PlainAttributes } from "./plain-attributes.ts";
export { probeBatches, type ProbedValue } from "./probed-value.ts";

/**
 * Appends standard ONNX nodes to a graph, invents names that do not clash, and knows type, shape and small constants of
 * every value. All methods take and return value names. A `number` operand becomes a scalar constant of the other
 * operand's type.
 */
export class GraphBuilder extends GraphEditor {
  /** An empty graph to build a small model from scratch. */
  static empty(opset = 17, name = "graph", options: InputOptions = {}): GraphBuilder {
    const graph: Graph = {
      name,
      inputs: [],
      outputs: [],
      nodes: [],
      initializers: new Map(),
      valueInfo: new Map(),
    };
    return new GraphBuilder(graph, opset, new Map(), options);
  }

  private pair(opType: string, a: string | number, b: string | number): string {
    const like = typeof a === "string" ? a : typeof b === "string" ? b : undefined;
    const left = typeof a === "number" ? this.scalar(a, like) : a;
    const right = typeof b === "number" ? this.scalar(b, like) : b;
    return this.node(opType, [left, right]);
  }
  add(a: string | number, b: string | number): string {
    return this.pair("Add", a, b);
  }
  sub(a: string | number, b: string | number): string {
    return this.pair("Sub", a, b);
  }
  mul(a: string | number, b: string | number): string {
    if (a === 1 && typeof b === "string") return b;
    if (b === 1 && typeof a === "string") return a;
    return this.pair("Mul", a, b);
  }
  div(a: string | number, b: string | number): string {
    return this.pair("Div", a, b);
  }
  pow(a: string | number, b: string | number): string {
    return this.pair("Pow", a, b);
  }
  /** Elementwise a > b, as bool. */
  greater(a: string | number, b: string | number): string {
    return this.pair("Greater", a, b);
  }
  less(a: string | number, b: string | number): string {
    return this.pair("Less", a, b);
  }
  equal(a: string | number, b: string | number): string {
    return this.pair("Equal", a, b);
  }
  /** `condition ? a : b`. */
  where(condition: string, a: string | number, b: string | number): string {
    const like = typeof a === "string" ? a : typeof b === "string" ? b : undefined;
    return this.node("Where", [
      condition,
      typeof a === "number" ? this.scalar(a, like) : a,
      typeof b === "number" ? this.scalar(b, like) : b,
    ]);
  }
  /** Any one-input operator: `g.unary("Exp", x)`. */
  unary(opType: string, x: string): string {
    return this.node(opType, [x]);
  }
  matmul(a: string, b: string): string {
    return this.node("MatMul", [a, b]);
  }
  cast(x: string, type: ElementType): string {
    return this.type(x) === type ? x : this.node("Cast", [x], { to: onnxTypeNumber(type) });
  }
  transpose(x: string, perm: readonly number[]): string {
    return perm.every((axis, index) => axis === index) ? x : this.node("Transpose", [x], { perm });
  }
  /** Reshape to a shape in which at most one entry depends on the batch; `like` (a value of that shape) serves otherwise. */
  reshape(x: string, dims: Shape, like?: string): string {
    const current = this.dims(x);
    if (current.length === dims.length && current.every((dim, index) => dim === dims[index])) return x;
    const symbols = dims.filter((dim) => typeof dim !== "number").length;
    if (symbols <= 1)
      return this.node("Reshape", [x, this.ints(dims.map((dim) => (typeof dim === "number" ? dim : -1)))]);
    if (like === undefined) throw new ModelError(`Value '${x}': cannot reshape to [${dims.join(", ")}].`);
    return this.node("Reshape", [x, this.node("Shape", [like])]);
  }
  /** Expand to a shape. Batch-dependent axes that the value has already are kept; others are read from `like`. */
  expand(x: string, dims: Shape, like?: string): string {
    const current = this.dims(x);
    if (current.length === dims.length && current.every((dim, index) => dim === dims[index])) return x;
    const lead = dims.length - current.length;
    const target = dims.map((dim, index) => {
      if (typeof dim === "number") return dim;
      // Expand broadcasts both ways: 1 keeps what the value has.
      return index >= lead && current[index - lead] === dim ? 1 : undefined;
    });
    if (target.every((dim) => dim !== undefined)) return this.node("Expand", [x, this.ints(target)]);
    if (like === undefined)
      throw new ModelError(
        `Value '${x}': cannot expand to [${dims.join(", ")}] without a value of that shape.`,
      );
    return this.node("Expand", [x, this.node("Shape", [like])]);
  }
  /** Zeros (or another value) in the shape of `like`. */
  filledLike(like: string, value = 0): string {
    const dims = this.dims(like);
    const scalar = this.scalar(value, like);
    const ones = this.node("Reshape", [scalar, this.ints(dims.map(() => 1))]);
    return this.expand(ones, dims, like);
  }
  /** ReduceSum, ReduceMean, ReduceMax, ...: axes as attribute or input, whichever the opset wants. */
  reduce(opType: `Reduce${string}`, x: string, axes: readonly number[], keepDims = true): string {
    const keepdims = keepDims ? 1 : 0;
    if (axes.length === 0) return x;
    if (this.opset >= 18 || opType === "ReduceSum")
      return this.node(opType, [x, this.ints(axes)], { keepdims });
    return this.node(opType, [x], { axes, keepdims });
  }
  slice(
    x: string,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps?: readonly number[],
  ): string {
    const inputs = [x, this.ints(starts), this.ints(ends), this.ints(axes)];
    if (steps !== undefined) inputs.push(this.ints(steps));
    return this.node("Slice", inputs);
  }
  /** Constant padding; `pads` as in ONNX: all begins, then all ends. Negative entries crop. */
  pad(x: string, pads: readonly number[], value = 0): string {
    if (pads.every((pad) => pad === 0)) return x;
    return this.node(
      "Pad",
      value === 0 ? [x, this.ints(pads)] : [x, this.ints(pads), this.scalar(value, x)],
      { mode: "constant" },
    );
  }
  concat(values: readonly string[], axis: number): string {
    return values.length === 1 && values[0] !== undefined ? values[0] : this.node("Concat", values, { axis });
  }
  split(x: string, sizes: readonly number[], axis: number): readonly string[] {
    return sizes.length === 1 ? [x] : this.nodeMany("Split", [x, this.ints(sizes)], { axis }, sizes.length);
  }
  /**
   * 1 where x > threshold, else 0 (`above`), or 1 where x < threshold (`below`), in one operator that ONNX Runtime keeps
   * in its blocked layout: `HardSigmoid(x)` with slope 2^100. A power of two, so that `2^100 * threshold` is exact and a
   * value equal to the threshold gives exactly 0 whether or not the product and sum are fused; values within 2^-100 of
   * the threshold do not occur. Half and double precision, and thresholds so large that the product could overflow, are
   * compared instead.
   */
  step(x: string, threshold = 0, side: "above" | "below" = "above"): string {
    if (this.type(x) === "float32" && Math.abs(threshold) < 1e7) {
      const slope = side === "above" ? 2 ** 100 : -(2 ** 100);
      return this.node("HardSigmoid", [x], {
        alpha: { float: slope },
        beta: { float: -slope * Math.fround(threshold) },
      });
    }
    return this.cast(side === "above" ? this.greater(x, threshold) : this.less(x, threshold), this.type(x));
  }
  /** 1 - x for x in 0..1, in one operator that keeps the blocked layout (Sub does not). */
  oneMinus(x: string): string {
    if (this.type(x) !== "float32") return this.sub(1, x);
    return this.node("HardSigmoid", [x], { alpha: { float: -1 }, beta: { float: 1 } });
  }
}
