import type { GraphNode } from "./graph.ts";

/** The class names that a classifier or ZipMap of `ai.onnx.ml` holds, numbers as text; empty if there are none. */
export function classLabels({ attributes }: Pick<GraphNode, "attributes">): readonly string[] {
  for (const name of ["classlabels_strings", "classlabels_ints", "classlabels_int64s"]) {
    const labels = attributes[name];
    if ((labels?.kind === "strings" || labels?.kind === "ints") && labels.value.length > 0)
      return labels.value.map(String);
  }
  return [];
}
