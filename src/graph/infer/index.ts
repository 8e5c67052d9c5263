import { UnsupportedOpError } from "../../errors.ts";
import type { InferNode } from "../infer-node.ts";

export const inferNode: InferNode = (node) => {
  throw new UnsupportedOpError(`${node.opType} at node '${node.name}': no shape rule.`);
};
