import { UnsupportedOpError } from "../../errors.ts";
import type { InferNode } from "../infer-node.ts";
import { attentionRules } from "./attention.ts";
import { classicalRules } from "./classical.ts";
import { inferContext, type InferTable } from "./context.ts";
import { contribRules } from "./contrib.ts";
import { elementwiseRules } from "./elementwise.ts";
import { indexingRules } from "./indexing.ts";
import { linearRules } from "./linear.ts";
import { movementRules } from "./movement.ts";
import { normalizationRules } from "./normalization.ts";
import { quantizationRules } from "./quantization.ts";
import { recurrentRules } from "./recurrent.ts";
import { reductionRules } from "./reduction.ts";
import { repetitionRules } from "./repetition.ts";
import { resizeRules } from "./resize.ts";
import { shapeCodeRules } from "./shape-code.ts";
import { windowRules } from "./window.ts";

/** The families of the standard domain; a test makes sure that none defines an operator of another. */
export const inferFamilies: readonly InferTable[] = [
  attentionRules,
  elementwiseRules,
  indexingRules,
  linearRules,
  movementRules,
  normalizationRules,
  quantizationRules,
  recurrentRules,
  reductionRules,
  repetitionRules,
  resizeRules,
  shapeCodeRules,
  windowRules,
];

const domains: ReadonlyMap<string, readonly InferTable[]> = new Map([
  ["", inferFamilies],
  ["ai.onnx.ml", [classicalRules]],
  ["com.microsoft", [contribRules]],
]);

export const inferNode: InferNode = (node, inputs, opset) => {
  for (const table of domains.get(node.domain) ?? []) {
    if (!Object.hasOwn(table, node.opType)) continue;
    const rule = table[node.opType];
    if (rule !== undefined) return rule(inferContext(node, inputs, opset));
  }
  const domain = node.domain === "" ? "" : `${node.domain}.`;
  throw new UnsupportedOpError(
    `${domain}${node.opType} at node '${node.name}': no rule for the shape of its output.`,
  );
};
