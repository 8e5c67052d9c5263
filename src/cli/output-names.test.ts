import { describe, expect, it } from "vitest";
import { outputName, outputStems } from "./output-names.ts";

describe("outputStems", () => {
  it("tells images of one name apart", () => {
    expect(outputStems(["a/cat.png", "b/cat.jpg", "Cat.png", "dog.tar.png", "-"])).toEqual([
      "cat",
      "cat-2",
      "Cat-3",
      "dog.tar",
      "stdin",
    ]);
  });
});

describe("outputName", () => {
  it("is STEM.METHOD.TARGETINDEX", () => {
    expect(outputName("cat", ["grad-cam"], { index: 281 })).toBe("cat.grad-cam.281");
    expect(outputName("cat", ["grad-cam", "rise"], { index: 281, minus: 285 })).toBe(
      "cat.grad-cam+rise.281-minus-285",
    );
  });

  it("stays a file name on every system", () => {
    expect(outputName("cat", ["aop:grad-cam+i-gos"], { index: 0 })).toBe("cat.aop-grad-cam+i-gos.0");
    expect(
      outputName(
        "cat",
        Array.from({ length: 40 }, () => "integrated-gradients"),
        { index: 0 },
      ),
    ).toBe("cat.40-methods.0");
  });
});
