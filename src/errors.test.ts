import { describe, expect, it } from "vitest";
import { assert, AbortedError, atNode, ModelError } from "./errors.ts";

describe("atNode", () => {
  const node = { opType: "Conv", name: "stem" };

  it("tells of the node what nobody has a sentence for", () => {
    const broken = (): number => atNode(node, () => "x".repeat(-1).length);
    expect(broken).toThrow(ModelError);
    expect(broken).toThrow(
      /^Conv at node 'stem': cannot be analysed \(Invalid count value: -1\)\. Check the file/,
    );
    expect(() => atNode(node, () => assert(false, "axis 1 of 'x'"))).toThrow(/\(axis 1 of 'x'\)/);
  });
  it("lets results and told errors pass", () => {
    expect(atNode(node, () => 3)).toBe(3);
    const told = new AbortedError("stopped");
    expect(() =>
      atNode(node, () => {
        throw told;
      }),
    ).toThrow(told);
  });
});
