import { ShapeError } from "../errors.ts";
import type { Graph, GraphNode, Initializer, ValueInfo } from "../graph/graph.ts";
import { int64 } from "../tensor/tensor.ts";
import type { ImageSize } from "./image-input.ts";

/** A graph that takes an image, and whether it was one that takes its pixels in a row. */
export interface PixelRows {
  readonly graph: Graph;
  readonly isRow: boolean;
}

/**
 * Presents a model of rows of numbers `[batch, F]` (scikit-learn's, and networks of linear layers only) as one of images
 * `[batch, C, H, W]`, if a size is given: a row is taken for the H x W x C numbers of an image, channels last, as arrays of images are
 * flattened. Without a size the graph is left alone: nothing says that the numbers are pixels.
 *
 * @throws ShapeError if the row does not hold the same number of values for each pixel
 */
export function withPixelRows(graph: Graph, size: ImageSize | undefined): PixelRows {
  const row = rowInput(graph);
  const [height = 0, width = 0] = size ?? [];
  if (row === undefined || size?.length !== 2) return { graph, isRow: false };
  const { input, length } = row;
  const channels = length / (height * width);
  if (!Number.isInteger(channels)) {
    throw new ShapeError(
      `size: expected one that makes an image of the ${length} numbers of '${input.name}', got ${height} x ${width}. ` +
        `Give the height and width of the image that was flattened${suggestion(length)}.`,
    );
  }
  const name = `${input.name}/row`;
  const nodes = reshaped(input.name, name, channels);
  const used = graph.nodes.map((node): GraphNode => ({
    ...node,
    inputs: node.inputs.map((value) => (value === input.name ? name : value)),
  }));
  const dims = [input.dims?.[0] ?? "", channels, height, width];
  const shape: Initializer = {
    name: `${name}/shape`,
    type: "int64",
    dims: [2],
    data: { kind: "memory", tensor: int64([-1, length]) },
  };
  return {
    graph: {
      ...graph,
      inputs: graph.inputs.map((entry): ValueInfo => (entry === input ? { ...input, dims } : entry)),
      nodes: [...nodes, ...used],
      initializers: new Map([...graph.initializers, [shape.name, shape]]),
    },
    isRow: true,
  };
}

/** The only input, if it is a matrix of known width. */
function rowInput(graph: Graph): { readonly input: ValueInfo; readonly length: number } | undefined {
  const [input, ...further] = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const length = input?.dims?.length === 2 ? input.dims[1] : undefined;
  return input !== undefined && further.length === 0 && typeof length === "number" && length > 1
    ? { input, length }
    : undefined;
}

function reshaped(image: string, row: string, channels: number): readonly GraphNode[] {
  const last = `${row}/channels-last`;
  const transpose: GraphNode = {
    name: last,
    opType: "Transpose",
    domain: "",
    inputs: [image],
    outputs: [last],
    attributes: { perm: { kind: "ints", value: [0, 2, 3, 1] } },
  };
  const reshape: GraphNode = {
    name: row,
    opType: "Reshape",
    domain: "",
    inputs: [channels === 1 ? image : last, `${row}/shape`],
    outputs: [row],
    attributes: {},
  };
  return channels === 1 ? [reshape] : [transpose, reshape];
}

/** What to do with a model of rows for which no size is given; empty for other models. */
export function rowAdvice(graph: Graph): string {
  const row = rowInput(graph);
  return row === undefined
    ? ""
    : ` If the ${row.length} numbers are the pixels of an image in a row, give its height and width${suggestion(row.length)}.`;
}

/** The square that it may be. */
function suggestion(length: number): string {
  const side = [1, 3].map((channels) => Math.sqrt(length / channels)).find(Number.isInteger) ?? 0;
  return side > 1 ? `, such as --size ${side}x${side}` : " with --size HxW";
}
