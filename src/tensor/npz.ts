import { unzipSync, zipSync } from "fflate";
import { DataError } from "../errors.ts";
import { readNpy, writeNpy } from "./npy.ts";
import type { AnyTensor } from "./tensor.ts";

/** Stops archives that unpack to more than memory holds. */
const defaultMaxBytes = 2 ** 31;

/** The bytes of a compressed .npz archive, which `numpy.load` reads as a dictionary of arrays. The same arrays give the same bytes. */
export function writeNpz(arrays: Readonly<Record<string, AnyTensor>>): Uint8Array {
  const files = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, writeNpy(array)] as const);
  // Zip files hold local time: a local date gives the same bytes in every time zone.
  return zipSync(Object.fromEntries(files), { level: 6, mtime: new Date(1980, 0, 2) });
}

/**
 * Reads a .npz archive, compressed or not; entries by name without `.npy`.
 * @param name What messages call the file.
 * @param maxBytes Refuses archives that unpack to more. Default 2 GiB.
 * @throws {@link DataError} if it is no zip archive, is too large, or an entry is no readable .npy file.
 */
export function readNpz(
  bytes: Uint8Array,
  name = "arrays.npz",
  maxBytes = defaultMaxBytes,
): Readonly<Record<string, AnyTensor>> {
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: (entry) => {
        total += entry.originalSize;
        if (total > maxBytes)
          throw new DataError(
            `${name}: expected at most ${maxBytes} bytes of arrays, got more. Save fewer at once.`,
          );
        return entry.name.endsWith(".npy");
      },
    });
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(
      `${name}: expected a .npz archive, got something else or a damaged one. Save it with numpy.savez.`,
      { cause: error },
    );
  }
  return Object.fromEntries(
    Object.entries(files).map(([path, data]) => [path.slice(0, -4), readNpy(data, `${name}/${path}`)]),
  );
}
