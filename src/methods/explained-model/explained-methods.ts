/** Methods that fit into a graph: no randomness, no search, one map a run. */
export const explainedMethods = [
  "grad-cam",
  "wgrad-cam",
  "grad-cam-pp",
  "hires-cam",
  "layer-cam",
  "x-grad-cam",
  "gradient",
  "input-x-gradient",
  "integrated-gradients",
] as const;
export type ExplainedMethod = (typeof explainedMethods)[number];
