import { modelFiles, openImage, openModel, problem, type ModelFiles } from "./studio.ts";

const isPicture = (file: File): boolean =>
  file.type.startsWith("image/") || /\.(jpe?g|png|webp|gif|avif|bmp)$/i.test(file.name);
const isModel = (file: File): boolean => /\.onnx$/i.test(file.name);
const isPreprocess = (file: File): boolean =>
  /preprocessor_config.*\.json$|preprocess.*\.json$/i.test(file.name);
const isLabels = (file: File): boolean => /\.txt$|\.json$/i.test(file.name) && !isPreprocess(file);
const isData = (file: File): boolean =>
  /\.(data|bin|weights|pb)$/i.test(file.name) || /_data$/i.test(file.name);

/**
 * Opens what was dropped, pasted or chosen: a photograph, a model with the files that belong to it, or files that were
 * missing for the model given before.
 */
export async function openFiles(list: Iterable<File>): Promise<void> {
  const files = [...list];
  const onnx = files.find(isModel);
  const picture = files.find(isPicture);
  const beside = files.filter((file) => isData(file) || isLabels(file) || isPreprocess(file));
  const unknown = files.filter((file) => !isModel(file) && !isPicture(file) && !beside.includes(file));
  if (onnx !== undefined) {
    const isOpen = await openModel(await withBeside({ model: onnx, name: onnx.name, dataFiles: {} }, beside));
    if (!isOpen) return;
  } else if (beside.length > 0 && modelFiles.value !== undefined) {
    if (!(await openModel(await withBeside(modelFiles.value, beside)))) return;
  }
  if (picture !== undefined) await openImage(picture, picture.name);
  if (onnx === undefined && picture === undefined && beside.length === 0 && unknown.length > 0) {
    problem.value = `${unknown.map((file) => file.name).join(", ")}: expected a photograph (JPEG, PNG, WebP), an .onnx model, its .data file, or class names (.txt, .json), got something else.`;
  }
}

async function withBeside(base: ModelFiles, files: readonly File[]): Promise<ModelFiles> {
  const labels = files.find(isLabels);
  const preprocess = files.find(isPreprocess);
  const data = Object.fromEntries(files.filter(isData).map((file) => [file.name, file]));
  return {
    ...base,
    dataFiles: { ...base.dataFiles, ...data },
    ...(labels === undefined ? {} : { labels: { name: labels.name, text: await labels.text() } }),
    ...(preprocess === undefined
      ? {}
      : { preprocess: { name: preprocess.name, text: await preprocess.text() } }),
  };
}
