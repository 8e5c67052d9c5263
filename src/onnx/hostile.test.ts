import { create, toBinary } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeModel, smallModel } from "../../tests/models/small-onnx.ts";
import { ModelError } from "../errors.ts";
import {
  AttributeProto_AttributeType as Kind,
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
} from "./generated/onnx-ml_pb.ts";
import { readModel } from "./read.ts";
import { varint } from "./wire.ts";
import { writeModel } from "./write.ts";

/** The error that reading gives, or `undefined`; anything but a ModelError fails the test. */
function readingError(bytes: Uint8Array): ModelError | undefined {
  try {
    // What was read must also be writable.
    writeModel(readModel(bytes));
    return undefined;
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function withGraph(change: (graph: GraphProto, model: ModelProto) => void): Uint8Array {
  const message = smallModel();
  if (message.graph !== undefined) change(message.graph, message);
  return encodeModel(message);
}

const valid = encodeModel(smallModel());

describe("a damaged file", () => {
  it("gives a ModelError wherever it is cut off inside the graph", () => {
    // Behind the graph stand only fields that a model can do without, once it has named its opsets.
    const graphEnd = valid.length - 200;
    const lengths = Array.from(valid, (_, length) => length).filter(
      (length) => length < 300 || length > graphEnd || length % 41 === 0,
    );
    const accepted = lengths.filter((length) => readingError(valid.subarray(0, length)) === undefined);
    expect(accepted.filter((length) => length < graphEnd)).toEqual([]);
  });

  it("gives a model or a ModelError for any changed bytes, soon", () => {
    const change = fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) });
    const started = performance.now();
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = new Uint8Array(valid);
        for (const { at, byte } of changes) bytes[at] = byte;
        readingError(bytes);
      }),
      { seed: 1, numRuns: 1500 },
    );
    expect((performance.now() - started) / 1500).toBeLessThan(20);
  });

  it("gives a model or a ModelError where stretches are removed, repeated or random", () => {
    const piece = fc.record({
      at: fc.nat(valid.length - 1),
      remove: fc.nat(64),
      insert: fc.uint8Array({ maxLength: 64 }),
    });
    fc.assert(
      fc.property(piece, ({ at, remove, insert }) => {
        const bytes = [...valid.subarray(0, at), ...insert, ...valid.subarray(at + remove)];
        readingError(Uint8Array.from(bytes));
      }),
      { seed: 2, numRuns: 400 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => {
        expect(readingError(bytes)).toBeInstanceOf(ModelError);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe("a hostile file", () => {
  it.each([2 ** 31, 2 ** 40, 2 ** 62])("may declare a length of %d without effect", (length) => {
    const bytes = Uint8Array.from([0x08, 8, 0x3a, ...varint(length), 1, 2, 3]);
    expect(readingError(bytes)?.message).toMatch(/expected field 7 to end within its message/);
  });

  it("may nest graphs without end", () => {
    let graph = create(GraphProtoSchema, { name: "g" });
    for (let depth = 0; depth < 40; depth++) {
      const attribute = [{ name: "body", type: Kind.GRAPH, g: graph }];
      graph = create(GraphProtoSchema, { name: "g", node: [{ opType: "If", attribute }] });
    }
    expect(readingError(toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph })))).toBeInstanceOf(
      ModelError,
    );
    // Deeper than an encoder's stack allows: an attribute (field 6) in a node (5) in a graph (1), and again.
    let body = new Uint8Array(2000);
    for (let depth = 0; depth < 3000; depth++) {
      body = Uint8Array.from([[0x32, 0x2a, 0x0a][depth % 3] ?? 0, ...varint(body.length), ...body]);
    }
    expect(readingError(Uint8Array.from([8, 8, 0x3a, ...varint(body.length), ...body]))?.message).toMatch(
      /nested messages/,
    );
  });

  it.each<[string, bigint[], RegExp]>([
    ["enormous", [1n << 40n, 1n << 40n], /expected sizes of at least 0/],
    ["large", [1n << 30n], /expected 4294967296 bytes/],
    ["negative", [-4n], /expected sizes of at least 0/],
  ])("may give a tensor %s sizes", (_, dims, message) => {
    const bytes = withGraph((graph) => Object.assign(graph.initializer[0] ?? {}, { dims }));
    expect(readingError(bytes)?.message).toMatch(message);
  });

  it.each([
    "/etc/passwd",
    "../weights.bin",
    "a/../../b",
    "C:\\w.bin",
    "\\\\host\\share",
    "file:///etc/passwd",
    "a\\..\\..\\b",
    "",
  ])("may not name a data file outside its folder: '%s'", (location) => {
    const bytes = withGraph((graph) => {
      const { initializer } = create(GraphProtoSchema, {
        initializer: [
          {
            name: "t",
            dataType: DataType.FLOAT,
            dims: [1n],
            dataLocation: TensorProto_DataLocation.EXTERNAL,
            externalData: [{ key: "location", value: location }],
          },
        ],
      });
      graph.initializer.push(...initializer);
    });
    expect(readingError(bytes)?.message).toMatch(/external data in the model's folder/);
  });

  it("may define a value twice, or an output that nothing computes", () => {
    expect(readingError(withGraph((graph) => graph.node.push(...graph.node)))?.message).toMatch(
      /defined twice/,
    );
    expect(
      readingError(withGraph((graph) => ((graph.output[0] as { name: string }).name = "z")))?.message,
    ).toMatch(/output 'z': no node computes it/);
  });

  it("may use names that JavaScript objects have", () => {
    const bytes = withGraph((graph) => {
      const { node } = create(GraphProtoSchema, {
        node: [{ opType: "Own", output: ["o"], attribute: [{ name: "__proto__", type: Kind.INT, i: 1n }] }],
      });
      graph.node.push(...node);
    });
    const node = readModel(bytes).graph.nodes.find(({ opType }) => opType === "Own");
    expect(Object.entries(node?.attributes ?? {})).toEqual([["__proto__", { kind: "int", value: 1 }]]);
  });
});

describe("a file that is something else", () => {
  const head = (...bytes: number[]): Uint8Array =>
    Uint8Array.from({ length: 40 }, (_, index) => bytes[index] ?? 0);
  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(), /empty file/],
    ["PyTorch, zipped", text("PK\x03\x04\x00\x00archive/data.pkl"), /PyTorch file.*torch\.onnx\.export/],
    ["PyTorch, pickled", head(0x80, 0x02, 0x8a, 0x0a), /PyTorch file/],
    ["Keras", head(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a), /Keras model.*tf2onnx/],
    ["TensorFlow Lite", text("\x1c\x00\x00\x00TFL3"), /TensorFlow Lite/],
    ["a web page", text("\n<!DOCTYPE html><html>"), /web page/],
    ["a ZIP file", text("PK\x03\x04\x00\x00readme.txt"), /ZIP archive/],
    ["a text", text("hello, this is a model\n"), /text file/],
    ["JSON", text('{"format": "layers-model"}'), /JSON file/],
    ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\noid"), /git lfs pull/],
    ["a picture", head(0x89, 0x50, 0x4e, 0x47), /picture/],
    ["safetensors", Uint8Array.from([9, 1, 0, 0, 0, 0, 0, 0, ...text('{"a":{"dtype"')]), /safetensors/],
    [
      "a TensorFlow SavedModel",
      Uint8Array.from([0x08, 1, 0x12, 3, 0x0a, 1, 0x0a]),
      /without a graph.*tf2onnx/,
    ],
  ])("is recognised: %s", (_, bytes, message) => {
    expect(readingError(bytes)?.message).toMatch(message);
  });
});
