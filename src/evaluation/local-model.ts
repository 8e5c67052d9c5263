import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { isUrl, readPathOrUrl } from "../datasets/fetch-node.ts";
import { writeWhole } from "./run-folder.ts";

/**
 * The path of a model on this machine: an HTTP(S) address is fetched into the user's cache, once for each address and hash.
 * The model must be one file. Whoever loads it compares the hash.
 *
 * @param sha256 The model's hash if it is known; another content under one address is fetched anew.
 */
export async function localModel(pathOrUrl: string, sha256 = "latest"): Promise<string> {
  if (!isUrl(pathOrUrl)) return pathOrUrl;
  const name = basename(new URL(pathOrUrl).pathname) || "model.onnx";
  const digest = createHash("sha256").update(`${pathOrUrl}\n${sha256}`).digest("hex").slice(0, 24);
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "onnx-saliency", digest);
  const path = join(folder, name);
  if (sha256 === "latest" || !existsSync(path)) {
    const bytes = await readPathOrUrl(pathOrUrl);
    mkdirSync(folder, { recursive: true });
    writeWhole(path, bytes);
  }
  return path;
}
