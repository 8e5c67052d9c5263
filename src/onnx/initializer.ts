import { ModelError } from "../errors.ts";
import type { Initializer } from "../graph/graph.ts";
import type { AnyTensor } from "../tensor/tensor.ts";
import { typedArrayOf } from "./data-types.ts";
import type { OnnxModel } from "./model.ts";

/**
 * The content of an initializer as a typed array; read from the model's files (and copied) if it is not in memory.
 *
 * @throws ModelError if the data file is not at hand, or has changed
 */
export function fetchInitializer(model: Pick<OnnxModel, "files">, initializer: Initializer): AnyTensor {
  const { data, name, type, dims } = initializer;
  if (data.kind === "memory") return data.tensor;
  const file = model.files.find(({ location }) => location === data.location);
  if (file === undefined) {
    throw new ModelError(
      `tensor '${name}': its data is in '${data.location}', which is missing. Put that file beside the model, or give both.`,
    );
  }
  return { type, dims, data: typedArrayOf(type, file.bytes.read(data.offset, data.length)) };
}
