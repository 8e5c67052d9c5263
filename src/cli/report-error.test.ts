import { CommanderError } from "@commander-js/extra-typings";
import { describe, expect, it } from "vitest";
import { AbortedError, ModelError, ParameterError } from "../errors.ts";
import { describeError, exitCodeOf } from "./report-error.ts";

describe("exitCodeOf", () => {
  it("tells faults of the command line from failures", () => {
    expect(exitCodeOf(new ParameterError("steps: expected ..."))).toBe(2);
    expect(exitCodeOf(new CommanderError(1, "commander.unknownOption", "unknown option"))).toBe(2);
    expect(exitCodeOf(new ModelError("model.onnx: ..."))).toBe(1);
    expect(exitCodeOf(new TypeError("x is undefined"))).toBe(1);
    expect(exitCodeOf(new AbortedError("stopped"))).toBe(130);
  });

  it("takes --help and --version for success", () => {
    expect(exitCodeOf(new CommanderError(0, "commander.helpDisplayed", ""))).toBe(0);
  });
});

describe("describeError", () => {
  it("prints the message of a user's error and nothing else", () => {
    expect(describeError(new ModelError("a.onnx: damaged."), false)).toMatch(/error:\S* a\.onnx: damaged\.$/);
  });

  it("asks for a report of what should not happen", () => {
    expect(describeError(new TypeError("x is undefined"), false)).toContain("--verbose and report");
  });

  it("shows stack and cause when asked", () => {
    const text = describeError(new ModelError("refused", { cause: new Error("the reason") }), true);
    expect(text).toContain("report-error.test.ts");
    expect(text).toContain("caused by: Error: the reason");
  });

  it("leaves to Commander what it has said already", () => {
    expect(
      describeError(new CommanderError(1, "commander.unknownOption", "unknown option"), false),
    ).toBeUndefined();
  });
});
