import { assert, ModelError, UnsupportedOpError, type ExplainError } from "../errors.ts";
import { floatTensor } from "../tensor/element-type.ts";
import { elementCount, type AnyTensor, type ElementType } from "../tensor/tensor.ts";
import {
  batchSymbol,
  concreteDim,
  type Dim,
  type Graph,
  type GraphNode,
  type Initializer,
  type Shape,
  type ValueInfo,
} from "./graph.ts";
import { renameReads, valuesRead } from "./prepare/subgraph.ts";
import { inferNode } from "./infer/index.ts";
import { knownConstant } from "./known-constant.ts";
import { toAttributes, type PlainAttributes } from "./plain-attributes.ts";
import { mergeDims, probeBatches, probeDims, type ProbedValue } from "./probed-value.ts";

/** How declared input shapes are read. */
export interface InputOptions {
  /** For networks whose batch is fixed: `batch` means this number. */
  readonly fixedBatch?: number | undefined;
  /** A leading dimension of 1 (the same for all samples) becomes the batch (one a sample). */
  readonly spread?: boolean;
}

/**
 * A graph under construction: knows type, shape and small constants of every value, invents names that do not clash,
 * declares inputs, outputs and constants, and appends nodes. `GraphBuilder` adds the operators.
 */
export class GraphEditor {
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
  private readonly inputOptions: InputOptions;

  constructor(
    graph: Graph,
    opset: number,
    known: ReadonlyMap<string, ProbedValue>,
    inputOptions: InputOptions = {},
  ) {
    this.base = graph;
    this.inputOptions = inputOptions;
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
    if (probed === undefined) throw this.unknownShape(value);
    return probed;
  }
  /** Names the node with which a shape was lost. */
  private unknownShape(value: string): ExplainError {
    const producers = new Map(this.nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
    let culprit: GraphNode | undefined;
    for (let name: string | undefined = value; name !== undefined;) {
      const node = producers.get(name);
      culprit = node ?? culprit;
      name = node?.inputs.find((input) => producers.has(input) && !this.known.has(input));
    }
    return culprit === undefined
      ? new ModelError(`Value '${value}': its shape is not known, so nothing can be built on it.`)
      : new UnsupportedOpError(
          `${culprit.opType} at node '${culprit.name}': the shape of its output is not known, so no gradient can be built behind it. ` +
            "Use a forward-only method: rise, occlusion, lime.",
        );
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
    const { fixedBatch, spread } = this.inputOptions;
    const wide = spread === true && dims[0] === 1 ? [batchSymbol, ...dims.slice(1)] : dims;
    const shape = fixedBatch === undefined ? wide : wide.map((dim) => concreteDim(dim, fixedBatch) ?? dim);
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
      for (const input of valuesRead(node)) needed.add(input);
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
      this.nodes.push(renameReads(node, (value) => replace.get(value) ?? value));
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
}

function keyOf(value: number | bigint | string): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function probeConstant(tensor: AnyTensor): ProbedValue {
  const known = knownConstant(tensor);
  return [known, known];
}
