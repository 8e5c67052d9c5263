import { ftruncateSync, closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, expect, it } from "vitest";
import { floatBytes, floatType } from "../../tests/models/small-onnx.ts";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
} from "../onnx/generated/onnx-ml_pb.ts";
import { varint } from "../onnx/wire.ts";
import { writeModel } from "../onnx/write.ts";
import type { AnyTensor } from "../tensor/tensor.ts";
import { readModelFile } from "./model-file-node.ts";
import { NodeRuntime } from "./session-node.ts";

const folder = mkdtempSync(join(tmpdir(), "large-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A model of 3 GiB in one file, which is a hole on disk except for what we write: table [2^18, 3072], y = table[i]. */
function writeLargeModel(path: string): void {
  const weightBytes = 3 * 2 ** 30;
  const before = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n }));
  const tensorHead = toBinary(
    TensorProtoSchema,
    create(TensorProtoSchema, { dims: [2n ** 18n, 3072n], dataType: DataType.FLOAT, name: "table" }),
  );
  const rest = toBinary(
    GraphProtoSchema,
    create(GraphProtoSchema, {
      name: "large",
      input: [
        {
          name: "i",
          type: { value: { case: "tensorType", value: { elemType: DataType.INT64, shape: {} } } },
        },
      ],
      output: [{ name: "y", type: floatType([3072]) }],
      node: [{ opType: "Gather", input: ["table", "i"], output: ["y"] }],
    }),
  );
  const rawHead = [0x4a, ...varint(weightBytes)];
  const tensorLength = tensorHead.length + rawHead.length + weightBytes;
  const initializerHead = [0x2a, ...varint(tensorLength)];
  const graphLength = initializerHead.length + tensorLength + rest.length;
  const head = Uint8Array.from([
    ...before,
    0x3a,
    ...varint(graphLength),
    ...initializerHead,
    ...tensorHead,
    ...rawHead,
  ]);
  const after = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { opsetImport: [{ domain: "", version: 17n }] }),
  );
  const file = openSync(path, "w");
  writeSync(file, head, 0, head.length, 0);
  const last = floatBytes([42]);
  writeSync(file, last, 0, last.length, head.length + weightBytes - last.length);
  writeSync(file, Uint8Array.from([...rest, ...after]), 0, null, head.length + weightBytes);
  ftruncateSync(file, head.length + weightBytes + rest.length + after.length);
  closeSync(file);
}

// Windows would fill the hole with 3 GiB of zeros.
it.skipIf(process.platform === "win32")(
  "reads and runs a model beyond 2 GiB, its weights left on disk",
  async () => {
    const path = join(folder, "large.onnx");
    writeLargeModel(path);
    expect(statSync(path).size).toBeGreaterThan(2 ** 31);
    const started = performance.now();
    const model = readModelFile(path);
    expect(performance.now() - started).toBeLessThan(1000);
    const data = model.graph.initializers.get("table")?.data;
    if (data?.kind !== "external") throw new Error("the table is external");
    expect(data.length).toBe(3 * 2 ** 30);
    const tail = model.files[0]?.bytes.read(data.offset + data.length - 4, 4);
    expect(tail).toEqual(floatBytes([42]));
    const written = writeModel(model);
    expect(written.bytes.length).toBeLessThan(1000);
    const runtime = new NodeRuntime({ threads: 1 });
    const session = await runtime.createSession(written);
    const lastRow: AnyTensor = { type: "int64", dims: [], data: BigInt64Array.of(2n ** 18n - 1n) };
    const { y } = await session.run({ i: lastRow });
    expect(y?.data[3071]).toBe(42);
    await runtime.close();
  },
);
