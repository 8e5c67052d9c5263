import { assert, ModelError } from "../errors.ts";
import { floatTensor, onnxTypeNumber } from "../tensor/element-type.ts";
import { elementCount, type ElementType, type AnyTensor } from "../tensor/tensor.ts";
import { knownConstant } from "./known-constant.ts";
import {
  batchMultiple,
  concreteDim,
  type Attribute,
  type Attributes,
  type Dim,
  type Graph,
  type GraphNode,
  type Initializer,
  type Shape,
  type ValueInfo,
} from "./graph.ts";
import { inferNode } from "./infer/index.ts";
import type { KnownValue } from "./infer-node.ts";

/** Two batch sizes tell a dimension that depends on the batch from one that does not. */
export const probeBatches = [2, 3] as const;

/** A value at both probe batch sizes. */
export type ProbedValue = readonly [KnownValue, KnownValue];

/** Attribute values in plain form: integers become `int`/`ints`; wrap floats as `{ float: 1 }` or `{ floats: [..] }`. */
export type PlainAttributes = Readonly<
  Record<
    string,
    number | string | readonly number[] | { readonly float: number } | { readonly floats: readonly number[] }
  >
>;

/**
 * Appends standard ONNX nodes to a graph, invents names that do not clash, and knows type, shape and small constants of
 * every value. All methods take and return value names. A `number` operand becomes a scalar constant of the other
 * operand's type.
 */
export class GraphBuilder {
  /** The opset version of the standard domain that nodes are written for (17 or newer). */
  readonly opset: number;
  private readonly base: Graph;
  private readonly inputs: ValueInfo[];
  private readonly outputs: ValueInfo[];
  private readonly nodes: GraphNode[];
  private readonly initializers: Map<string, Initializer>;
  private readonly known: Map<string, ProbedValue>;
  private readonly names: Set<string>;
  private readonly constants = new Map<string, string>();
  private readonly aliases = new Map<string, string>();
  private counter = 0;
  private prefix = "s";
  /** Set for networks whose batch is fixed: `batch` in declared shapes then means this number. */
  private readonly fixedBatch: number | undefined;

  constructor(graph: Graph, opset: number, known: ReadonlyMap<string, ProbedValue>, fixedBatch?: number) {
    this.base = graph;
    this.fixedBatch = fixedBatch;
    this.opset = opset;
    this.inputs = [...graph.inputs];
    this.outputs = [...graph.outputs];
    this.nodes = [...graph.nodes];
    this.initializers = new Map(graph.initializers);
    this.known = new Map(known);
    this.names = new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.keys()]);
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.names.add(output);
      if (node.name !== "") this.names.add(node.name);
    }
  }

  /** An empty graph to build a small model from scratch. */
  static empty(opset = 17, name = "graph", fixedBatch?: number): GraphBuilder {
    const graph: Graph = {
      name,
      inputs: [],
      outputs: [],
      nodes: [],
      initializers: new Map(),
      valueInfo: new Map(),
    };
    return new GraphBuilder(graph, opset, new Map(), fixedBatch);
  }

  /** The graph as it stands, with value info for every value whose shape is known. */
  build(): Graph {
    const valueInfo = new Map(this.base.valueInfo);
    const outer = new Set([...this.inputs, ...this.outputs].map((value) => value.name));
    for (const node of this.nodes) {
      for (const output of node.outputs) {
        if (output === "" || outer.has(output) || !this.known.has(output)) continue;
        valueInfo.set(output, { name: output, type: this.type(output), dims: this.dims(output) });
      }
    }
    return {
      ...this.base,
      inputs: this.inputs,
      outputs: this.outputs,
      nodes: this.nodes,
      initializers: this.initializers,
      valueInfo,
    };
  }

  // --- what is known -------------------------------------------------------------------------------------------

  has(value: string): boolean {
    return this.known.has(value);
  }
  private probed(value: string): ProbedValue {
    const probed = this.known.get(value);
    if (probed === undefined)
      throw new ModelError(`Value '${value}': its shape is not known, so nothing can be built on it.`);
    return probed;
  }
  /** What is known of every value, for another builder on the graph that this one builds. */
  get knowledge(): ReadonlyMap<string, ProbedValue> {
    return this.known;
  }
  type(value: string): ElementType {
    return this.probed(value)[0].type;
  }
  /** The shape; symbols are multiples of the batch. */
  dims(value: string): Shape {
    const [a, b] = this.probed(value);
    return mergeDims(a.dims, b.dims, value);
  }
  rank(value: string): number {
    return this.probed(value)[0].dims.length;
  }
  /** The shape, which must not depend on the batch except on axis 0; `[0]` is then the factor of the batch or a number. */
  dim(value: string, axis: number): Dim {
    const dims = this.dims(value);
    const dim = dims[axis < 0 ? axis + dims.length : axis];
    assert(dim !== undefined, `axis ${axis} of '${value}'`);
    return dim;
  }
  /** A dimension that must be a plain number. */
  size(value: string, axis: number): number {
    const dim = this.dim(value, axis);
    if (typeof dim !== "number")
      throw new ModelError(`Value '${value}': axis ${axis} depends on the batch size.`);
    return dim;
  }
  /** Elements of a small constant that does not depend on the batch, else `undefined`. */
  constantValue(value: string): readonly number[] | undefined {
    if (value === "") return undefined;
    const probed = this.known.get(value);
    if (probed === undefined) return undefined;
    const [a, b] = probed;
    if (a.value === undefined || b.value === undefined || a.value.length !== b.value.length) return undefined;
    return a.value.every((element, index) => Object.is(element, b.value?.[index])) ? a.value : undefined;
  }
  /** True if the value is a weight or other initializer. */
  isInitializer(value: string): boolean {
    return this.initializers.has(value);
  }
  initializer(value: string): Initializer | undefined {
    return this.initializers.get(value);
  }
  /** The nodes so far, in order. */
  get allNodes(): readonly GraphNode[] {
    return this.nodes;
  }

  // --- declaring -----------------------------------------------------------------------------------------------

  /** Names of the values appended from here on start with this. */
  setPrefix(prefix: string): void {
    this.prefix = prefix;
  }
  uniqueName(stem: string): string {
    let name = stem;
    while (this.names.has(name)) name = `${stem}_${this.counter++}`;
    this.names.add(name);
    return name;
  }
  /**
   * Declares a graph input and returns the name it really got: another one if the network has a value of that name.
   * `actualInput(name)` finds it again.
   */
  input(name: string, dims: Shape, type: ElementType = "float32"): string {
    if (this.aliases.has(name)) throw new ModelError(`Graph input '${name}': declared twice.`);
    const actual = this.uniqueName(name);
    this.aliases.set(name, actual);
    const fixed = this.fixedBatch;
    const shape = fixed === undefined ? dims : dims.map((dim) => concreteDim(dim, fixed) ?? dim);
    this.inputs.push({ name: actual, type, dims: shape });
    this.known.set(actual, probeDims(type, shape));
    return actual;
  }
  /** The real name of a declared input, or `undefined`. */
  actualInput(name: string): string | undefined {
    return this.aliases.get(name);
  }
  /** The names under which inputs were declared. */
  get declaredInputs(): readonly string[] {
    return [...this.aliases.keys()];
  }
  /** Keeps names from being invented or declared: those of a network that is appended later. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.names.add(name);
  }
  /**
   * Appends all nodes and initializers of a prepared network whose shapes are known already. `replace` gives values that
   * stand for others (the network's input, or a layer: nodes that only fed it are left out).
   */
  appendNetwork(
    network: Graph,
    known: ReadonlyMap<string, ProbedValue>,
    replace: ReadonlyMap<string, string>,
    wanted: readonly string[],
  ): void {
    const needed = new Set(wanted.filter((value) => !replace.has(value)));
    const kept: GraphNode[] = [];
    for (const node of network.nodes.toReversed()) {
      if (!node.outputs.some((output) => needed.has(output) && !replace.has(output))) continue;
      kept.push(node);
      for (const input of node.inputs) needed.add(input);
    }
    const missing = network.inputs.find(
      (input) => needed.has(input.name) && !replace.has(input.name) && !network.initializers.has(input.name),
    );
    if (missing !== undefined) {
      throw new ModelError(
        `Input '${missing.name}': still needed, so what was to stand for it does not hold all that the scores depend on.`,
      );
    }
    for (const node of kept.toReversed()) {
      const inputs = node.inputs.map((input) => replace.get(input) ?? input);
      this.nodes.push(
        inputs.every((input, index) => input === node.inputs[index]) ? node : { ...node, inputs },
      );
      for (const output of node.outputs) {
        const value = known.get(output);
        this.names.add(output);
        if (value !== undefined) this.known.set(output, value);
      }
    }
    for (const [name, initializer] of network.initializers) {
      if (!needed.has(name)) continue;
      this.initializers.set(name, initializer);
      this.names.add(name);
      const value = known.get(name);
      if (value !== undefined) this.known.set(name, value);
    }
  }
  /** Makes a value a graph output, under its own name or a new one (by Identity). */
  output(value: string, name = value): string {
    const actual = name === value ? value : this.uniqueName(name);
    if (name !== value) this.append("Identity", [value], {}, [actual]);
    if (!this.outputs.some((output) => output.name === actual)) {
      this.outputs.push({ name: actual, type: this.type(value), dims: this.dims(value) });
    }
    return actual;
  }
  /** Replaces the list of graph outputs. */
  clearOutputs(): void {
    this.outputs.length = 0;
  }
  /** A constant tensor. Small ones with equal content are shared. */
  constant(tensor: AnyTensor, stem = "constant"): string {
    const count = elementCount(tensor.dims);
    const key =
      count <= 64
        ? `${tensor.type}[${tensor.dims.join()}]${Array.from(tensor.data as Float32Array, keyOf).join()}`
        : undefined;
    const existing = key === undefined ? undefined : this.constants.get(key);
    if (existing !== undefined) return existing;
    const name = this.uniqueName(`${this.prefix}/${stem}`);
    this.initializers.set(name, {
      name,
      type: tensor.type,
      dims: tensor.dims,
      data: { kind: "memory", tensor },
    });
    this.known.set(name, probeConstant(tensor));
    if (key !== undefined) this.constants.set(key, name);
    return name;
  }
  /** A float scalar (or any float tensor) of the type of `like`, default float32. */
  floats(values: readonly number[], dims: readonly number[], like?: string): string {
    const type = like === undefined ? "float32" : this.type(like);
    return this.constant(floatTensor(type, values, dims));
  }
  scalar(value: number, like?: string): string {
    return this.floats([value], [], like);
  }
  ints(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.constant({ type: "int64", dims, data: BigInt64Array.from(values, BigInt) });
  }

  // --- appending -----------------------------------------------------------------------------------------------

  /** Appends a node with one output and returns its name. */
  node(opType: string, inputs: readonly string[], attributes: PlainAttributes = {}): string {
    const output = this.uniqueName(`${this.prefix}/${opType}_${this.counter++}`);
    this.append(opType, inputs, attributes, [output]);
    return output;
  }
  /** Appends a node with several outputs. */
  nodeMany(
    opType: string,
    inputs: readonly string[],
    attributes: PlainAttributes,
    outputCount: number,
    domain = "",
  ): readonly string[] {
    const stem = `${this.prefix}/${opType}_${this.counter++}`;
    const outputs = Array.from({ length: outputCount }, (_, index) => this.uniqueName(`${stem}_${index}`));
    this.append(opType, inputs, attributes, outputs, domain);
    return outputs;
  }
  private append(
    opType: string,
    inputs: readonly string[],
    attributes: PlainAttributes,
    outputs: readonly string[],
    domain = "",
  ): void {
    this.appendNode({
      name: outputs[0] ?? "",
      opType,
      domain,
      inputs,
      outputs,
      attributes: toAttributes(attributes),
    });
  }
  /** Appends a ready node (outputs named by the caller). */
  appendNode(node: GraphNode): void {
    const known = probeBatches.map((_, probe) =>
      inferNode(
        node,
        node.inputs.map((input) => (input === "" ? undefined : this.probed(input)[probe])),
        this.opset,
      ),
    );
    this.nodes.push(node);
    node.outputs.forEach((output, index) => {
      const a = known[0]?.[index];
      const b = known[1]?.[index];
      this.names.add(output);
      if (output !== "" && a !== undefined && b !== undefined) this.known.set(output, [a, b]);
    });
  }
  /** Replaces a node in place (same outputs); used to add an optional output to a forward node. */
  replaceNode(old: GraphNode, replacement: GraphNode): void {
    const index = this.nodes.indexOf(old);
    assert(index >= 0, `node '${old.name}' is in the graph`);
    this.nodes[index] = replacement;
    const extra = replacement.outputs.filter((output) => output !== "" && !this.known.has(output));
    if (extra.length === 0) return;
    const known = probeBatches.map((_, probe) =>
      inferNode(
        replacement,
        replacement.inputs.map((input) => (input === "" ? undefined : this.probed(input)[probe])),
        this.opset,
      ),
    );
    replacement.outputs.forEach((output, position) => {
      const a = known[0]?.[position];
      const b = known[1]?.[position];
      this.names.add(output);
      if (extra.includes(output) && a !== undefined && b !== undefined) this.known.set(output, [a, b]);
    });
  }

  // --- operators -----------------------------------------------------------------------------------------------

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

function keyOf(value: number | bigint | string): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function mergeDims(a: readonly number[], b: readonly number[], value: string): Shape {
  if (a.length !== b.length) throw new ModelError(`Value '${value}': its rank depends on the batch size.`);
  const [first, second] = probeBatches;
  return a.map((dim, index) => {
    const other = b[index] ?? 0;
    if (dim === other) return dim;
    if (dim * second === other * first) return batchMultiple(dim / first);
    throw new ModelError(
      `Value '${value}': axis ${index} depends on the batch size in a way that is not a multiple.`,
    );
  });
}

function probeDims(type: ElementType, dims: Shape): ProbedValue {
  const at = (batch: number): KnownValue => ({
    type,
    dims: dims.map((dim) => {
      const size = concreteDim(dim, batch);
      if (size === undefined) throw new ModelError(`Dimension '${dim}' is not known.`);
      return size;
    }),
  });
  return [at(probeBatches[0]), at(probeBatches[1])];
}

function probeConstant(tensor: AnyTensor): ProbedValue {
  const known = knownConstant(tensor);
  return [known, known];
}

function toAttributes(attributes: PlainAttributes): Attributes {
  const result: Record<string, Attribute> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "number") result[name] = { kind: "int", value };
    else if (typeof value === "string") result[name] = { kind: "string", value };
    else if (Array.isArray(value)) result[name] = { kind: "ints", value: value as readonly number[] };
    else if ("float" in value) result[name] = { kind: "float", value: value.float };
    else if ("floats" in value) result[name] = { kind: "floats", value: value.floats };
  }
  return result;
}
