import type { VjpTable } from "../rules.ts";
import { activationVjps } from "./activation.ts";
import { arithmeticVjps } from "./arithmetic.ts";
import { attentionVjps } from "./attention.ts";
import { blockQuantizedVjps } from "./block-quantized.ts";
import { contribLayoutVjps } from "./contrib-layouts.ts";
import { contribVjps } from "./contrib.ts";
import { convolutionVjps } from "./convolution.ts";
import { einsumVjps } from "./einsum.ts";
import { gridSampleVjps } from "./grid-sample.ts";
import { indexingVjps } from "./indexing.ts";
import { linearVjps } from "./linear.ts";
import { movementVjps } from "./movement.ts";
import { normalizationVjps } from "./normalization.ts";
import { poolingVjps } from "./pooling.ts";
import { quantizationVjps } from "./quantization.ts";
import { quantizedArithmeticVjps } from "./quantized-arithmetic.ts";
import { reductionVjps } from "./reduction.ts";
import { resizeVjps } from "./resize.ts";
import { slicingVjps } from "./slicing.ts";
import { softmaxVjps } from "./softmax.ts";

/** The families of gradient rules; no operator is in two of them. */
export const vjpFamilies: readonly VjpTable[] = [
  arithmeticVjps,
  activationVjps,
  linearVjps,
  attentionVjps,
  blockQuantizedVjps,
  contribLayoutVjps,
  contribVjps,
  convolutionVjps,
  einsumVjps,
  gridSampleVjps,
  indexingVjps,
  movementVjps,
  normalizationVjps,
  poolingVjps,
  quantizationVjps,
  quantizedArithmeticVjps,
  reductionVjps,
  resizeVjps,
  slicingVjps,
  softmaxVjps,
];

/** The gradient rule of every operator that has one. */
export const vjps: VjpTable = Object.assign({}, ...vjpFamilies) as VjpTable;
