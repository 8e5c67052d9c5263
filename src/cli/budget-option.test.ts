import { describe, expect, it } from "vitest";
import { budgetOption } from "./budget-option.ts";

describe("budgetOption", () => {
  it("takes times with a unit, and whole numbers of evaluations", () => {
    expect(budgetOption("10s")).toEqual({ seconds: 10 });
    expect(budgetOption("1.5 min")).toEqual({ seconds: 90 });
    expect(budgetOption("250ms")).toEqual({ seconds: 0.25 });
    expect(budgetOption("1h")).toEqual({ seconds: 3600 });
    expect(budgetOption("500")).toEqual({ evaluations: 500 });
  });

  it.each(["", "ten", "0", "0s", "-5", "1.5", "10 sec", "1e3", "s"])("refuses '%s'", (text) => {
    expect(() => budgetOption(text)).toThrow(
      /a time such as 10s or 2min, or a number of evaluations such as 500/,
    );
  });
});
