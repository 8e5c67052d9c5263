import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  TypeProtoSchema,
  type ModelProto,
  type TypeProto,
} from "../../src/onnx/generated/onnx-ml_pb.ts";

/** Little-endian bytes of numbers as float32. */
export function floatBytes(values: Iterable<number>): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

/** The type of a float tensor; a size that is a string is a symbol. */
export function floatType(dims: readonly (number | string)[]): TypeProto {
  const dim = dims.map((size) => ({
    value:
      typeof size === "number"
        ? { case: "dimValue" as const, value: BigInt(size) }
        : { case: "dimParam" as const, value: size },
  }));
  return create(TypeProtoSchema, {
    value: { case: "tensorType", value: { elemType: DataType.FLOAT, shape: { dim } } },
  });
}

/** The weights of {@link smallModel}: `w` is [4, 256] and `b` [256]. */
export const smallWeights = {
  w: Float32Array.from({ length: 1024 }, (_, index) => Math.sin(index)),
  b: Float32Array.from({ length: 256 }, (_, index) => Math.cos(index)),
};

/**
 * y = Twice(Relu(x w + b) + if (true) { c } else { 0 }) + s for x [n, 4]: raw, typed and sparse tensors, an inner graph, a function of
 * the model's own, and every field that `Graph` does not name.
 */
export function smallModel(): ModelProto {
  const branch = (name: string, value: number) => ({
    name,
    node: [
      {
        opType: "Constant",
        output: [`${name}_c`],
        attribute: [
          {
            name: "value",
            type: Kind.TENSOR,
            t: { dataType: DataType.FLOAT, dims: [256n], rawData: floatBytes(Array.from({ length: 256 }, () => value)) },
          },
        ],
      },
    ],
    output: [{ name: `${name}_c`, type: floatType([256]) }],
  });
  return create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: "by hand",
    producerVersion: "1",
    docString: "a model of the tests",
    modelVersion: 3n,
    opsetImport: [
      { domain: "", version: 17n },
      { domain: "own", version: 1n },
    ],
    metadataProps: [{ key: "classes", value: "cat,dog" }],
    functions: [
      {
        name: "Twice",
        domain: "own",
        input: ["t"],
        output: ["tt"],
        opsetImport: [{ domain: "", version: 17n }],
        node: [{ opType: "Add", input: ["t", "t"], output: ["tt"] }],
      },
    ],
    graph: {
      name: "small",
      docString: "its graph",
      input: [{ name: "x", type: floatType(["n", 4]), docString: "four numbers" }],
      output: [{ name: "y", type: floatType(["n", 256]) }],
      valueInfo: [{ name: "h", type: floatType(["n", 256]) }],
      quantizationAnnotation: [
        { tensorName: "h", quantParameterTensorNames: [{ key: "SCALE_TENSOR", value: "flag" }] },
      ],
      initializer: [
        { name: "w", dataType: DataType.FLOAT, dims: [4n, 256n], rawData: floatBytes(smallWeights.w), docString: "weights" },
        { name: "b", dataType: DataType.FLOAT, dims: [256n], floatData: [...smallWeights.b] },
        { name: "flag", dataType: DataType.BOOL, dims: [], int32Data: [1] },
      ],
      sparseInitializer: [
        {
          dims: [256n],
          values: { name: "s", dataType: DataType.FLOAT, dims: [1n], floatData: [5] },
          indices: { name: "s_at", dataType: DataType.INT64, dims: [1n], int64Data: [7n] },
        },
      ],
      node: [
        { name: "product", opType: "Gemm", input: ["x", "w", "b"], output: ["h"], docString: "x w + b" },
        { name: "relu", opType: "Relu", domain: "ai.onnx", input: ["h"], output: ["r"] },
        {
          name: "choice",
          opType: "If",
          input: ["flag"],
          output: ["c"],
          attribute: [
            { name: "then_branch", type: Kind.GRAPH, g: branch("yes", 0.5) },
            { name: "else_branch", type: Kind.GRAPH, g: branch("no", 0) },
          ],
        },
        { name: "sum", opType: "Add", input: ["r", "c"], output: ["rc"] },
        { name: "twice", opType: "Twice", domain: "own", input: ["rc"], output: ["d"] },
        { name: "last", opType: "Add", input: ["d", "s"], output: ["y"] },
      ],
    },
    trainingInfo: [{ initializationBinding: [{ key: "w", value: "w" }] }],
  });
}

/** A model's bytes. */
export function encodeModel(message: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, message);
}
