import type { Model } from "../runtime/model.ts";
import type { Method } from "./define-method.ts";
import { methods } from "./index.ts";

/** Why a method cannot explain a model of volumes, or `undefined` if it can, or the model is one of images. */
export function volumeProblem(
  { explainsVolumes = false }: Pick<Method, "explainsVolumes">,
  { depth }: Pick<Model, "depth">,
): string | undefined {
  if (depth === undefined || explainsVolumes) return undefined;
  const others = methods.filter((method) => method.explainsVolumes === true).map((method) => method.name);
  return `It hides parts of an image in two dimensions, and the model takes volumes. These methods explain volumes: ${others.join(", ")}.`;
}
