import type { VjpTable } from "../rules.ts";
import { activationVjps } from "./activation.ts";
import { affineGridVjps } from "./affine-grid.ts";
import { arithmeticVjps } from "./arithmetic.ts";
import { attentionVjps } from "./attention.ts";
import { blockQuantizedVjps } from "./block-quantized.ts";
import { col2imVjps } from "./col2im.ts";
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
import { recurrentVjps } from "./recurrent.ts";
import { reductionVjps } from "./reduction.ts";
import { resizeVjps } from "./resize.ts";
import { rotaryEmbeddingVjps } from "./rotary-embedding.ts";
import { slicingVjps } from "./slicing.ts";
import { softmaxVjps } from "./softmax.ts";

/** The families of gradient rules; no operator is in two of them. */
export const vjpFamilies: readonly VjpTable[] = [
  arithmeticVjps,
  activationVjps,
  linearVjps,
  affineGridVjps,
  attentionVjps,
  blockQuantizedVjps,
  col2imVjps,
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
  recurrentVjps,
  reductionVjps,
  resizeVjps,
  rotaryEmbeddingVjps,
  slicingVjps,
  softmaxVjps,
];

/** The gradient rule of every operator that has one. */
export const vjps: VjpTable = Object.assign({}, ...vjpFamilies) as VjpTable;
