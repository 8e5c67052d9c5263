import { DataError, ModelError } from "../errors.ts";
import type { Graph, GraphNode, Initializer, ValueInfo } from "../graph/graph.ts";
import { tensorOf } from "../graph/prepare/constants.ts";
import { fromBfloat16, fromHalf } from "../tensor/half.ts";
import { elementCount, int64, type AnyTensor } from "../tensor/tensor.ts";

/**
 * Further inputs with a given value become constants. Numbers are converted to the type that the input declares, a single
 * number fills its shape, and where the input has a batch axis every image gets the same value.
 *
 * @throws ModelError for a name that is no input
 * @throws DataError for a value that does not fit
 */
export function withFixedInputs(graph: Graph, feeds: Readonly<Record<string, AnyTensor>>): Graph {
  const names = Object.keys(feeds);
  if (names.length === 0) return graph;
  const initializers = new Map(graph.initializers);
  const nodes: GraphNode[] = [];
  const image = graph.inputs.find(
    (input) => !names.includes(input.name) && !graph.initializers.has(input.name) && input.dims?.length === 4,
  );
  for (const [name, value] of Object.entries(feeds)) {
    const declared = graph.inputs.find((input) => input.name === name);
    if (declared === undefined) {
      throw new ModelError(
        `Input '${name}': the model has no such input. It has: ${graph.inputs.map((input) => input.name).join(", ")}.`,
      );
    }
    const fitted = fit(declared, value);
    const isBatched =
      fitted.dims.length > 0 && fitted.dims[0] === 1 && typeof declared.dims?.[0] === "string";
    if (!isBatched || image === undefined) {
      initializers.set(name, constant(name, fitted));
      continue;
    }
    const [one, batch, shape] = ["value", "batch", "shape"].map((part) => `${name}/${part}`);
    initializers.set(one ?? "", constant(one ?? "", fitted));
    nodes.push(...expandedToBatch(name, image.name, fitted.dims.length, { one, batch, shape }, initializers));
  }
  return {
    ...graph,
    inputs: graph.inputs.filter((input) => !names.includes(input.name)),
    initializers,
    nodes: [...nodes, ...graph.nodes],
  };
}

function constant(name: string, tensor: AnyTensor): Initializer {
  return { name, type: tensor.type, dims: tensor.dims, data: { kind: "memory", tensor } };
}

/** Nodes that repeat the value `one` for each image, under the name of the input. */
function expandedToBatch(
  name: string,
  image: string,
  rank: number,
  parts: Readonly<Record<"one" | "batch" | "shape", string | undefined>>,
  initializers: Map<string, Initializer>,
): readonly GraphNode[] {
  const { one = "", batch = "", shape = "" } = parts;
  const rest = `${name}/ones`;
  initializers.set(rest, constant(rest, int64(Array.from({ length: rank - 1 }, () => 1))));
  const node = (opType: string, inputs: readonly string[], output: string): GraphNode => ({
    name: output,
    opType,
    domain: "",
    inputs,
    outputs: [output],
    attributes: {},
  });
  const start = `${name}/start`;
  const end = `${name}/end`;
  const sizes = `${name}/sizes`;
  initializers.set(start, constant(start, int64([0])));
  initializers.set(end, constant(end, int64([1])));
  return [
    node("Shape", [image], sizes),
    node("Slice", [sizes, start, end], batch),
    { ...node("Concat", [batch, rest], shape), attributes: { axis: { kind: "int", value: 0 } } },
    node("Expand", [one, shape], name),
  ];
}

/** The value in the type and shape that the input declares. */
function fit(declared: ValueInfo, value: AnyTensor): AnyTensor {
  const { name, type } = declared;
  const dims = declared.dims?.map((dim) => (typeof dim === "number" ? dim : undefined));
  const described = `[${declared.dims?.map((dim) => dim || "?").join(", ") ?? "any"}]`;
  const misfit = (): DataError =>
    new DataError(
      `Input '${name}': expected ${type} ${described}, got ${value.type} [${value.dims.join(", ")}]. Give --feed ${name}=FILE.npy of that shape, or one number for all of it.`,
    );
  if (value.type === "string") throw misfit();
  const values = numbersOf(value);
  let shape = value.dims;
  let elements = values;
  if (dims !== undefined) {
    const fitting = dims.every((dim, axis) => dim === undefined || dim === value.dims[axis]);
    if (dims.length !== value.dims.length || !fitting) {
      // One axis may be left open: the values that there are say how long it is.
      shape = dims.map((dim) => dim ?? 1);
      const count = elementCount(shape);
      if (values.length === 1) elements = Array.from({ length: count }, () => values[0] ?? 0);
      else if (values.length !== count) throw misfit();
    }
  }
  const converted = tensorOf(type, shape, elements);
  if (converted === undefined) throw misfit();
  return converted;
}

function numbersOf({ type, data }: AnyTensor): readonly number[] {
  if (type === "float16") return Array.from(data as Uint16Array, fromHalf);
  if (type === "bfloat16") return Array.from(data as Uint16Array, fromBfloat16);
  return Array.from(data as Float32Array, Number);
}
