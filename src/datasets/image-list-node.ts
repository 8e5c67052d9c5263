import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DataError } from "../errors.ts";
import { decodeImage } from "../image/decode-node.ts";
import { indexedDataset, type Dataset } from "./dataset.ts";
import { isUrl, readPathOrUrl } from "./fetch-node.ts";

/**
 * Images by a list: one a line, `PATH-OR-URL[,LABEL[,SHA256]]`; paths count from the list's folder, the label is a class
 * index or empty. For machines that share no disk: images come over HTTP(S), each with its hash checked.
 *
 * @throws DataError for a line that does not fit.
 */
export function imageList(file: string): Dataset {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new DataError(`dataset: expected a list of images at '${file}', but it cannot be read.`);
  }
  const entries = text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const [key = "", label = "", sha256 = "", ...more] = line.split(",").map((part) => part.trim());
    if (key === "" || more.length > 0 || !/^\d*$/.test(label) || !/^([0-9a-f]{64})?$/.test(sha256)) {
      throw new DataError(
        `${file}: expected PATH-OR-URL[,LABEL[,SHA256]] in line ${index + 1}, got '${line}'.`,
      );
    }
    return [
      { key, label: label === "" ? undefined : Number(label), sha256: sha256 === "" ? undefined : sha256 },
    ];
  });
  if (entries.length === 0) throw new DataError(`${file}: expected a list of images, got none.`);
  return indexedDataset({
    kind: "list",
    length: entries.length,
    item(index) {
      const { key, label, sha256 } = entries[index] ?? { key: "", label: undefined, sha256: undefined };
      const path = isUrl(key) ? key : resolve(dirname(file), key);
      return {
        key,
        path,
        ...(label !== undefined && { label }),
        load: async () => decodeImage(await readPathOrUrl(path, sha256), { name: key }),
      };
    },
  });
}
