import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { zlibSync } from "fflate";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { classMapFor } from "./class-map.ts";
import { imagenetToCoco } from "./imagenet-to-coco.ts";
import { imagenetWnids } from "./imagenet-wnids.ts";
import { openDataset } from "./open-dataset-node.ts";

const root = mkdtempSync(join(tmpdir(), "datasets-"));
afterAll(() => rmSync(root, { recursive: true }));
const pixel = await sharp({ create: { width: 4, height: 4, channels: 3, background: "#c83200" } })
  .png()
  .toBuffer();

/** A folder with a 4 x 4 image at each path. */
function folder(name: string, paths: readonly string[]): string {
  for (const path of paths) {
    const file = join(root, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, pixel);
  }
  return join(root, name);
}
function write(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
const labels = (description: string) => {
  const dataset = openDataset(description);
  return Array.from({ length: dataset.length }, (_, index) => [
    dataset.item(index).key,
    dataset.item(index).label,
  ]);
};

describe("imagenet", () => {
  it("reads class folders", () => {
    const dir = folder("by-class", [
      "val/n01443537/b.JPEG",
      "val/n01440764/a.JPEG",
      "val/n01440764/notes.txt.png",
    ]);
    expect(labels(`imagenet:${dir}`)).toEqual([
      ["val/n01440764/a.JPEG", 0],
      ["val/n01440764/notes.txt.png", 0],
      ["val/n01443537/b.JPEG", 1],
    ]);
  });

  it("reads ids in file names", () => {
    const dir = folder("flat", ["n01440764_tench.JPEG", "ILSVRC2012_val_00000003_n15075141.JPEG"]);
    expect(labels(`imagenet:${dir}`).map(([, label]) => label)).toEqual([999, 0]);
  });

  it("reads a file of labels: words, CSV with a heading, ids or indices", () => {
    const dir = folder("listed", ["x_1.JPEG", "x_2.JPEG"]);
    const words = write("words.txt", "x_1.JPEG 65\nx_2.JPEG 970\n");
    expect(labels(`imagenet:${dir},${words}`).map(([, label]) => label)).toEqual([65, 970]);
    const csv = write("labels.csv", "ImageId,PredictionString\nx_2,n01443537 1 2 3 4\nx_1,n01440764\n");
    expect(labels(`imagenet:${dir},${csv}`).map(([, label]) => label)).toEqual([0, 1]);
  });

  it("reads a ground-truth file by the development kit's table", () => {
    const dir = folder("val", ["ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG"]);
    // The kit numbers the classes in an order of its own: here, backwards.
    const table = zlibSync(new TextEncoder().encode(imagenetWnids().toReversed().join("\0x")));
    const header = new Uint8Array(136);
    const view = new DataView(header.buffer);
    view.setUint32(128, 15, true);
    view.setUint32(132, table.length, true);
    write("kit/meta.mat", Buffer.concat([header, table]));
    const truth = write("kit/truth.txt", "1000\n1\n");
    expect(labels(`imagenet:${dir},${truth}`).map(([, label]) => label)).toEqual([0, 999]);
  });

  it("names the image whose class it cannot tell", () => {
    const dir = folder("plain", ["cat.png"]);
    expect(() => openDataset(`imagenet:${dir}`)).toThrow(/'cat.png'.*folder:DIR/);
  });
});

describe("folder", () => {
  it("iterates in an order that does not depend on the file system, and decodes on demand", async () => {
    const dir = folder("any", ["b/2.png", "a.png", "b/10.png", "Z.png"]);
    const keys: string[] = [];
    for await (const item of openDataset(dir)) keys.push(item.key);
    expect(keys).toEqual(["Z.png", "a.png", "b/10.png", "b/2.png"]);
    const image = await openDataset(`folder:${dir}`).item(0).load();
    expect([image.width, image.data[0], image.data[1]]).toEqual([4, 200, 50]);
  });

  it("says where it looked", () => {
    expect(() => openDataset("folder:/nowhere")).toThrow(/no folder '\/nowhere'/);
    expect(() => openDataset("voc:/x")).toThrow(/mosaic:DATASET, got 'voc:\/x'/);
    expect(() => openDataset("coco:/x")).toThrow(/coco:IMAGES_DIR,ANNOTATIONS.json/);
  });
});

describe("list", () => {
  const server = createServer((request, response) => {
    if (request.url === "/photo.png") response.end(pixel);
    else response.writeHead(404).end();
  });
  afterAll(() => server.close());
  const address = new Promise<string>((done) => {
    server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });

  it("reads paths beside it and addresses, and checks hashes", async () => {
    const hash = createHash("sha256").update(pixel).digest("hex");
    folder("lists", ["a.png"]);
    const base = await address;
    const file = write(
      "lists/list.csv",
      `# photographs\na.png,7\n${base}/photo.png,,${hash}\n${base}/photo.png,3,${"0".repeat(64)}\n${base}/none.png\n`,
    );
    const dataset = openDataset(`list:${file}`);
    expect([dataset.length, dataset.item(0).label, dataset.item(1).label]).toEqual([4, 7, undefined]);
    expect((await dataset.item(0).load()).width).toBe(4);
    expect((await dataset.item(1).load()).width).toBe(4);
    await expect(dataset.item(2).load()).rejects.toThrow(/SHA-256 000000000000/);
    await expect(dataset.item(3).load()).rejects.toThrow(/status 404/);
  });

  it("names the line that does not fit", () => {
    expect(() => openDataset(`list:${write("bad.csv", "a.png,cat\n")}`)).toThrow(/line 1, got 'a.png,cat'/);
  });
});

describe("mosaic", () => {
  it("puts photographs into cells and marks the cells whose class is alone", async () => {
    const dir = folder("tiles", [
      "n01440764_a.png",
      "n01443537_b.png",
      "n01484850_c.png",
      "n01484850_d.png",
      "n01491361_e.png",
    ]);
    const dataset = openDataset(`mosaic:imagenet:${dir}`, 3);
    expect(dataset.length).toBe(1);
    const item = dataset.item(0);
    const parts = item.key.split("+");
    expect(parts).toHaveLength(4);
    const image = await item.load();
    expect([image.width, image.height]).toEqual([448, 448]);
    expect([...image.data.subarray(0, 3)]).toEqual([200, 50, 0]);
    for (const annotation of item.annotations ?? []) {
      const { mask } = annotation.region();
      expect(mask.reduce((sum, value) => sum + value, 0)).toBe(224 * 224);
      const cell = parts.findIndex((part) => part.startsWith(annotation.category));
      expect(mask[(Math.floor(cell / 2) * 224 + 5) * 448 + (cell % 2) * 224 + 5]).toBe(1);
    }
    expect(dataset.item(0).key).toBe(item.key);
  });
});

describe("class maps", () => {
  it("are one to one where a network has an output for each category", () => {
    expect(classMapFor(["cat", "dog"], 2)).toEqual([[0], [1]]);
  });

  it("cover ImageNet's classes without overlap", () => {
    const outputs = Object.values(imagenetToCoco).flat();
    expect(new Set(outputs).size).toBe(outputs.length);
    expect(Math.max(...outputs)).toBeLessThan(1000);
    expect(classMapFor(["zebra", "giraffe"], 1000)).toEqual([[340], []]);
  });

  it("come from a file", () => {
    const file = { name: "map.json", text: '{"dog": [3, 4]}' };
    expect(classMapFor(["cat", "dog"], 10, file)).toEqual([[], [3, 4]]);
    expect(() => classMapFor(["cat", "dog"], 4, file)).toThrow(/output 4, but the network has 4/);
    expect(() => classMapFor(["cat"], 10, file)).toThrow(/no category 'dog'/);
  });

  it("say what to do where no map fits", () => {
    expect(() => classMapFor(["cat", "dog"], 10)).toThrow(/--class-map/);
  });
});
