import type { VjpTable } from "../rules.ts";
import { activationVjps } from "./activation.ts";
import { arithmeticVjps } from "./arithmetic.ts";
import { convolutionVjps } from "./convolution.ts";
import { linearVjps } from "./linear.ts";

/** The families of gradient rules; no operator is in two of them. */
export const vjpFamilies: readonly VjpTable[] = [arithmeticVjps, activationVjps, linearVjps, convolutionVjps];

/** The gradient rule of every operator that has one. */
export const vjps: VjpTable = Object.assign({}, ...vjpFamilies) as VjpTable;
