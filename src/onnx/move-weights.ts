import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Segment } from "./embed.ts";
import { externalDataOf, forEachTensor } from "./external-data.ts";
import { ModelProtoSchema, TensorProto_DataLocation } from "./generated/onnx-ml_pb.ts";
import { setExternalData } from "./tensor-proto.ts";

/** ONNX Runtime maps a tensor into memory without a copy where it starts on a page. */
const pageSize = 4096;
/** Below this size a page would be mostly padding. */
const alignedSize = 1 << 20;

/** A model whose weights all lie in one data file. */
export interface MovedWeights {
  /** The encoded model, referring to the new file. */
  readonly model: Uint8Array;
  /** The content of the data file. */
  readonly segments: readonly Segment[];
}

/**
 * Gathers the weights of a model, wherever they lie, in one data file.
 *
 * @param bytes an encoded model whose weights are external
 * @param location name of the data file
 * @param sizeOf size in bytes of the file at a location, for tensors that extend to the end of it
 */
export function moveWeights(
  bytes: Uint8Array,
  location: string,
  sizeOf: (location: string) => number,
): MovedWeights {
  const message = fromBinary(ModelProtoSchema, bytes);
  const segments: Segment[] = [];
  let position = 0;
  forEachTensor(message, (tensor) => {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) return;
    const data = externalDataOf(tensor);
    const length = data.length ?? sizeOf(data.location) - data.offset;
    if (length >= alignedSize && position % pageSize !== 0) {
      const padding = new Uint8Array(pageSize - (position % pageSize));
      segments.push(padding);
      position += padding.length;
    }
    segments.push({ location: data.location, offset: data.offset, length });
    setExternalData(tensor, { location, offset: position, length });
    position += length;
  });
  return { model: toBinary(ModelProtoSchema, message), segments };
}
