import { metadataPreprocess, type StatedPreprocess } from "./metadata-preprocess.ts";
import { readModelFile } from "./model-file-node.ts";
import { analyseNetwork } from "./network.ts";
import { choosePreprocess } from "./preprocess-detective.ts";
import { hasNumberedLabelsBeside, preprocessBeside } from "./sidecar-node.ts";

/**
 * The preprocessing that `loadModel` uses for a file where none is given, found without loading it: what a file beside it,
 * its metadata or its graph say, else ImageNet's.
 * @throws ModelError if the file is not a usable image classifier
 */
export function findPreprocess(path: string): StatedPreprocess {
  const beside = preprocessBeside(path);
  if (beside !== undefined) return { preprocess: beside.preprocess, source: beside.path };
  const onnx = readModelFile(path);
  return (
    metadataPreprocess(onnx.metadata) ??
    choosePreprocess(analyseNetwork(onnx), { hasNumberedLabels: hasNumberedLabelsBeside(path) })
  );
}
