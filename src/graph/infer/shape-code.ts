import { elementCount, type ElementType } from "../../tensor/tensor.ts";
import { elementTypeOf } from "../../tensor/element-type.ts";
import { knownConstant } from "../known-constant.ts";
import type { Attribute } from "../graph.ts";
import type { KnownValue } from "../infer-node.ts";
import { axisOf, knownValue, type InferContext, type InferRule, type InferTable } from "./context.ts";
import { roundAll } from "./rounding.ts";

function typeAttribute(c: InferContext, name: string, fallback: ElementType): ElementType {
  const number = c.int(name, 0);
  if (number === 0) return fallback;
  return elementTypeOf(number) ?? c.fail(`element type ${number} is not known here.`);
}

const shape: InferRule = (c) => {
  const { dims } = c.input(0);
  const rank = dims.length;
  const bound = (value: number) => Math.min(rank, Math.max(0, value < 0 ? value + rank : value));
  const part = dims.slice(bound(c.int("start", 0)), bound(c.int("end", rank)));
  return [knownValue(c, "int64", [part.length], () => part)];
};

const size: InferRule = (c) => [knownValue(c, "int64", [], () => [elementCount(c.input(0).dims)])];

/** A tensor attribute as a value; its elements are known only if they are in memory. */
function tensorValue(c: InferContext, attribute: Attribute & { kind: "tensor" }): KnownValue {
  const { type, dims, data } = attribute.value;
  return data.kind === "memory" ? knownConstant(data.tensor) : knownValue(c, type, dims);
}

const constant: InferRule = (c) => {
  for (const attribute of Object.values(c.node.attributes)) {
    switch (attribute.kind) {
      case "tensor":
        return [tensorValue(c, attribute)];
      case "int":
        return [knownValue(c, "int64", [], () => [attribute.value])];
      case "float":
        return [knownValue(c, "float32", [], () => [attribute.value])];
      case "ints":
        return [knownValue(c, "int64", [attribute.value.length], () => attribute.value)];
      case "floats":
        return [knownValue(c, "float32", [attribute.value.length], () => attribute.value)];
      case "string":
        return [knownValue(c, "string", [])];
      case "strings":
        return [knownValue(c, "string", [attribute.value.length])];
      case "graph":
      case "opaque":
    }
  }
  return c.fail("a constant without a dense value.");
};

const constantOfShape: InferRule = (c) => {
  const dims = c.elements(0, "the shape");
  const attribute = c.node.attributes["value"];
  const fill =
    attribute?.kind === "tensor"
      ? tensorValue(c, attribute)
      : { type: "float32" as const, dims: [1], value: [0] };
  const element = fill.value?.[0];
  return [
    knownValue(c, fill.type, dims, () =>
      element === undefined ? undefined : Array.from({ length: elementCount(dims) }, () => element),
    ),
  ];
};

const range: InferRule = (c) => {
  const { type } = c.input(0);
  const [start = 0] = c.elements(0, "the start");
  const [limit = 0] = c.elements(1, "the limit");
  const [delta = 0] = c.elements(2, "the step");
  if (delta === 0) return c.fail("a range with step 0.");
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  return [
    knownValue(c, type, [count], () =>
      roundAll(
        type,
        Array.from({ length: count }, (_, i) => start + i * delta),
      ),
    ),
  ];
};

const nonZero: InferRule = (c) => {
  const { dims } = c.input(0);
  const elements = c.elements(0, "the data");
  const hits: number[] = [];
  elements.forEach((element, position) => {
    if (element !== 0) hits.push(position);
  });
  const rank = dims.length;
  return [
    knownValue(c, "int64", [rank, hits.length], () => {
      const rows = dims.map((dim, axis) => {
        const stride = elementCount(dims.slice(axis + 1));
        return hits.map((position) => Math.floor(position / stride) % dim);
      });
      return rows.flat();
    }),
  ];
};

const eyeLike: InferRule = (c) => {
  const { type, dims } = c.input(0);
  const [rows = 0, columns = 0] = dims;
  if (dims.length !== 2) return c.fail(`expected a matrix, got shape [${dims.join(", ")}].`);
  const k = c.int("k", 0);
  return [
    knownValue(c, typeAttribute(c, "dtype", type), dims, () =>
      Array.from({ length: rows * columns }, (_, i) => (Math.floor(i / columns) + k === i % columns ? 1 : 0)),
    ),
  ];
};

const oneHot: InferRule = (c) => {
  const indices = c.input(0);
  const [depth = 0] = c.elements(1, "the depth");
  const values = c.input(2);
  const axis = axisOf(c, c.int("axis", -1), indices.dims.length + 1);
  const dims = [...indices.dims.slice(0, axis), depth, ...indices.dims.slice(axis)];
  const inner = elementCount(indices.dims.slice(axis));
  return [
    knownValue(c, values.type, dims, () => {
      const [off, on] = values.value ?? [];
      const known = indices.value;
      if (known === undefined || off === undefined || on === undefined) return undefined;
      return Array.from({ length: elementCount(dims) }, (_, i) => {
        const index = known[Math.floor(i / (depth * inner)) * inner + (i % inner)] ?? 0;
        return (index < 0 ? index + depth : index) === Math.floor(i / inner) % depth ? on : off;
      });
    }),
  ];
};

const randomOfShape: InferRule = (c) => [
  knownValue(c, typeAttribute(c, "dtype", "float32"), c.ints("shape") ?? []),
];
const randomLike: InferRule = (c) => [
  knownValue(c, typeAttribute(c, "dtype", c.input(0).type), c.input(0).dims),
];

/** Operators that make shapes, ranges, masks and constants. */
export const shapeCodeRules: InferTable = {
  Shape: shape,
  Size: size,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  NonZero: nonZero,
  EyeLike: eyeLike,
  OneHot: oneHot,
  RandomNormal: randomOfShape,
  RandomUniform: randomOfShape,
  RandomNormalLike: randomLike,
  RandomUniformLike: randomLike,
  Bernoulli: randomLike,
  Multinomial: (c) => [
    knownValue(c, typeAttribute(c, "dtype", "int32"), [c.input(0).dims[0] ?? 0, c.int("sample_size", 1)]),
  ],
};
