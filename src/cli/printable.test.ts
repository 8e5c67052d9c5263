import { expect, it } from "vitest";
import { printable } from "./printable.ts";

it("lets text and colours pass, and nothing else that a terminal obeys", () => {
  expect(printable("\u001B[32mtabby\u001B[39m\tKätzchen 猫\nnext")).toBe(
    "\u001B[32mtabby\u001B[39m\tKätzchen 猫\nnext",
  );
  expect(printable("\u001B]0;title\u0007a\rb\u001B[2Jc\u009B2Jd")).toBe(
    "\uFFFD]0;title\uFFFDa\uFFFDb\uFFFD[2Jc\uFFFD2Jd",
  );
});
