import { probeBatches, type ProbedValue } from "../graph-builder.ts";
import { batchMultiple, type Dim, type GraphNode, type Shape } from "../graph.ts";
import { addInts, uniqueName, type Workspace } from "./workspace.ts";

/**
 * The constant shape operand of a Reshape from its output at both probes: numbers where the batch does not matter, and
 * at most one -1, where it does. 0 ("as in the input") is preferred to -1, because ONNX Runtime's shape inference
 * follows it. `undefined`: two axes depend on the batch, or an axis is empty.
 */
export function reshapeTarget(x: ProbedValue, y: ProbedValue): readonly number[] | undefined {
  const [a, b] = [y[0].dims, y[1].dims];
  if (a.includes(0)) return undefined;
  let hasFree = false;
  const target: number[] = [];
  for (let axis = 0; axis < a.length; axis++) {
    const size = a[axis] ?? 0;
    if (size === b[axis]) target.push(size);
    else if (x[0].dims[axis] === size && x[1].dims[axis] === b[axis]) target.push(0);
    else if (hasFree) return undefined;
    else {
      hasFree = true;
      target.push(-1);
    }
  }
  return target;
}

/** An integer list that is `slope * batch + offset` element by element, and not constant. */
function batchAffine(
  probed: ProbedValue,
): { slope: readonly number[]; offset: readonly number[] } | undefined {
  const [a, b] = [probed[0].value, probed[1].value];
  if (probed[0].type !== "int64" || probed[0].dims.length !== 1) return undefined;
  if (a === undefined || b === undefined || a.length !== b.length || a.length === 0) return undefined;
  const step = probeBatches[1] - probeBatches[0];
  const slope = a.map((value, index) => ((b[index] ?? 0) - value) / step);
  if (slope.every((value) => value === 0) || !slope.every(Number.isInteger)) return undefined;
  return { slope, offset: a.map((value, index) => value - (slope[index] ?? 0) * probeBatches[0]) };
}

/** A value that has the batch size as the size of an axis. */
export interface BatchSource {
  readonly value: string;
  readonly axis: number;
}

/** The axis of a value that is the batch itself, if there is one. */
export function batchAxisOf(probed: ProbedValue | undefined): number | undefined {
  if (probed === undefined) return undefined;
  const axis = probed[0].dims.findIndex(
    (dim, index) => dim === probeBatches[0] && probed[1].dims[index] === probeBatches[1],
  );
  return axis < 0 ? undefined : axis;
}

/**
 * Nodes that compute an integer list that depends on the batch in two steps, `Shape(source)[axis] * slope + offset`,
 * in place of the chain of Shape, Gather, Unsqueeze and Concat that an exporter wrote. The name of the list, and the
 * nodes to append; `undefined` if the list is not of that form.
 */
export function batchAffineNodes(
  work: Workspace,
  probed: ProbedValue,
  source: BatchSource,
): { readonly value: string; readonly nodes: readonly GraphNode[] } | undefined {
  const affine = batchAffine(probed);
  if (affine === undefined) return undefined;
  const nodes: GraphNode[] = [];
  const append = (
    opType: string,
    inputs: readonly string[],
    attributes: GraphNode["attributes"] = {},
  ): string => {
    const output = uniqueName(work, `${source.value}/${opType.toLowerCase()}`);
    nodes.push({ name: output, opType, domain: "", inputs, outputs: [output], attributes });
    return output;
  };
  let value = append("Shape", [source.value], {
    start: { kind: "int", value: source.axis },
    end: { kind: "int", value: source.axis + 1 },
  });
  if (affine.slope.length > 1 || affine.slope[0] !== 1) {
    value = append("Mul", [value, addInts(work, affine.slope, `${source.value}/slope`)]);
  }
  if (affine.offset.some((offset) => offset !== 0)) {
    value = append("Add", [value, addInts(work, affine.offset, `${source.value}/offset`)]);
  }
  return { value, nodes };
}

/** A shape with symbols for what depends on the batch; `undefined` if that is not by a whole multiple. */
export function shapeOf([a, b]: ProbedValue): Shape | undefined {
  if (a.dims.length !== b.dims.length) return undefined;
  const [first, second] = probeBatches;
  const dims = a.dims.map((dim, axis): Dim | undefined => {
    const other = b.dims[axis] ?? 0;
    if (dim === other) return dim;
    return dim * second === other * first ? batchMultiple(dim / first) : undefined;
  });
  return dims.every((dim) => dim !== undefined) ? dims : undefined;
}
