import { describe, expect, it } from "vitest";
import { AbortedError, WriteError } from "./errors.ts";
import { writeError } from "./write-error.ts";

const ofSystem = (code: string): Error => Object.assign(new Error(`${code}: of the system`), { code });

describe("writeError", () => {
  it("says what the system's codes mean, and names those without a sentence", () => {
    expect(writeError("out/map.npy", ofSystem("ENOSPC"))).toEqual(
      new WriteError(
        "out/map.npy: cannot be written: the disk is full. Free some space, or choose another folder.",
      ),
    );
    expect(writeError("map.npy", ofSystem("EMFILE"))).toEqual(
      new WriteError("map.npy: cannot be written (EMFILE). Choose another folder."),
    );
  });
  it("gives other errors back as they are", () => {
    for (const error of [new AbortedError("stopped"), new TypeError("ours")])
      expect(writeError("map.npy", error)).toBe(error);
  });
});
