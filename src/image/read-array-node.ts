import { readFileSync } from "node:fs";
import { DataError } from "../errors.ts";
import { readNpy, readNpyFloat32, toFloat32 } from "../tensor/npy.ts";
import { readNpz } from "../tensor/npz.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * The array of a `.npy` file, or of a `.npz` archive that holds one, as float32; `undefined` for anything else.
 * @param source A path, which tells by its ending, or bytes, which tell by how they begin.
 * @throws {@link DataError} if it is missing, damaged or holds several arrays.
 */
export function readArrayFile(source: string | Uint8Array): Tensor | undefined {
  if (typeof source !== "string") return isNpy(source) ? readNpyFloat32(source) : undefined;
  const [ending] = /\.np[yz]$/i.exec(source) ?? [];
  if (ending === undefined) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(source);
  } catch (error) {
    throw new DataError(`${source}: cannot be read. Check the path.`, { cause: error });
  }
  if (ending.toLowerCase() === ".npy") return toFloat32(readNpy(bytes, source));
  const arrays = Object.entries(readNpz(bytes, source));
  const [only, ...more] = arrays;
  if (only === undefined || more.length > 0) {
    throw new DataError(
      `${source}: expected one array, got ${arrays.map(([name]) => name).join(", ") || "none"}. Save the volume alone with numpy.save.`,
    );
  }
  return toFloat32(only[1]);
}

function isNpy(bytes: Uint8Array): boolean {
  return bytes[0] === 0x93 && new TextDecoder().decode(bytes.subarray(1, 6)) === "NUMPY";
}
