import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataError } from "../errors.ts";
import { OutputDirectory } from "./output-directory.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "output-directory-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("OutputDirectory", () => {
  it("makes the folder and leaves only the named file in it", async () => {
    const output = new OutputDirectory(join(root, "a", "b"));
    await output.prepare();
    const path = await output.write("map.json", "{}");
    expect(readFileSync(path, "utf8")).toBe("{}");
    expect(readdirSync(output.path)).toEqual(["map.json"]);
  });

  it("keeps the old file and leaves nothing behind when writing fails half-way", async () => {
    const output = new OutputDirectory(root);
    await output.write("map.npy", "old");
    const writing = output.write("map.npy", async (path) => {
      writeFileSync(path, "half of the n");
      throw Object.assign(new Error("write"), { code: "ENOSPC" });
    });
    await expect(writing).rejects.toThrow(/map\.npy: cannot be written: the disk is full\. Free some space/);
    expect(readFileSync(join(root, "map.npy"), "utf8")).toBe("old");
    expect(readdirSync(root)).toEqual(["map.npy"]);
  });

  it("says that the folder is a file", async () => {
    writeFileSync(join(root, "taken"), "");
    const preparing = new OutputDirectory(join(root, "taken")).prepare();
    await expect(preparing).rejects.toBeInstanceOf(DataError);
    await expect(preparing).rejects.toThrow(/there is a file of that name, not a folder/);
  });

  it("removes half-written files when the process is about to end", async () => {
    const output = new OutputDirectory(root);
    let resume: () => void = () => undefined;
    const writing = output.write("slow.png", async (path) => {
      writeFileSync(path, "half");
      await new Promise<void>((resolve) => (resume = resolve));
    });
    expect(readdirSync(root)).toHaveLength(1);
    output.discard();
    expect(readdirSync(root)).toEqual([]);
    resume();
    await expect(writing).rejects.toBeInstanceOf(DataError);
    expect(existsSync(join(root, "slow.png"))).toBe(false);
  });
});
