import { z } from "zod";

/** Parameters of a backtracking line search. */
export const lineSearchSchema = z.strictObject({
  initialStep: z.number().positive().describe("first step the line search tries"),
  shrink: z.number().positive().lt(1).describe("factor of the step after a failure"),
  armijo: z.number().min(0).describe("share of the predicted decrease that a step must reach"),
  smallestStep: z.number().positive().describe("a step below this is taken without further tests"),
  armijoRule: z
    .enum(["raw", "projected"])
    .describe(
      "predict the decrease from the whole gradient (as published) or from the step that the bounds allow",
    ),
  candidates: z
    .int()
    .min(1)
    .max(64)
    .describe("steps evaluated in one run of the network; changes speed, not the result"),
});
