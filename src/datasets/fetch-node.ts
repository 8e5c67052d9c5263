import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DataError } from "../errors.ts";

/** True for `http://` and `https://`. */
export function isUrl(path: string): boolean {
  return /^https?:\/\//.test(path);
}

/** A try that failed because of the network or the server is repeated so often, after 1, 2 and 4 seconds. */
const retries = 3;

/**
 * The bytes at a path or an HTTP(S) address.
 *
 * @param sha256 What they must hash to, if it is known.
 * @throws DataError if they cannot be read, or are others.
 */
export async function readPathOrUrl(path: string, sha256?: string): Promise<Uint8Array> {
  const bytes = isUrl(path) ? await download(path) : await readFile(path).catch(() => undefined);
  if (bytes === undefined) throw new DataError(`'${path}': expected a file, but it cannot be read.`);
  const found = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== undefined && found !== sha256) {
    throw new DataError(
      `'${path}': expected the content with SHA-256 ${sha256.slice(0, 12)}, got ${found.slice(0, 12)}. It changed, or did not arrive whole.`,
    );
  }
  return bytes;
}

async function download(url: string): Promise<Uint8Array> {
  for (let attempt = 0; ; attempt++) {
    let reason: string;
    try {
      const response = await fetch(url);
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      reason = `status ${response.status}`;
      // What is not there does not come by waiting.
      if (response.status < 500) attempt = retries;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    if (attempt >= retries) {
      throw new DataError(
        `'${url}': expected a file, but it cannot be fetched (${reason}). Check the address.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** attempt));
  }
}
