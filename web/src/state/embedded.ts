import photographUrl from "../../../examples/chelsea.png?url";
import labels from "../../../models/efficientnet-lite0.labels.txt?raw";
import modelUrl from "../../../models/efficientnet-lite0.onnx?url";
import preprocess from "../../../models/efficientnet-lite0.preprocess.json?raw";
import { openImage, openModel, problem, type ModelFiles } from "./studio.ts";

/** The classifier that comes with the page: EfficientNet-Lite0, trained on ImageNet-1k. */
export const embeddedModel: ModelFiles = {
  model: new URL(modelUrl, location.href).href,
  name: "efficientnet-lite0.onnx",
  dataFiles: {},
  labels: { name: "efficientnet-lite0.labels.txt", text: labels },
  preprocess: { name: "efficientnet-lite0.preprocess.json", text: preprocess },
};

/** Opens the page as it greets: a model and a photograph that need no file of the user's. */
export async function openEmbedded(): Promise<void> {
  if (!(await openModel(embeddedModel))) return;
  try {
    const response = await fetch(photographUrl);
    await openImage(await response.blob(), "chelsea.png");
  } catch (error) {
    problem.value = `The example photograph cannot be fetched (${String(error)}). Drop one of yours.`;
  }
}
