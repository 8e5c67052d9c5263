import { embeddedModel } from "./embedded.ts";
import { paramsOf, takesLayer } from "./settings.ts";
import { gallery, modelFiles, photograph, target } from "./studio.ts";

/** What the page does, as the command line takes it: plain data that can be saved and run again. */
export interface Request {
  readonly images: readonly string[];
  readonly model?: string;
  readonly methods: readonly string[];
  readonly targets: readonly string[];
  readonly parameters: readonly string[];
  readonly layer?: string;
  readonly labels?: string;
  readonly preprocess?: string;
  readonly out: string;
  readonly seed: number;
}

/** The request for what is shown now. @param chosenLayer The layer, if it is not the model's default. */
export function currentRequest(chosenLayer: string | undefined): Request {
  const files = modelFiles.value;
  const isEmbedded = files === undefined || files.model === embeddedModel.model;
  const methods = gallery.value;
  const { index, minus } = target.value;
  const parameters = methods.flatMap((method) =>
    Object.entries(paramsOf(method))
      .filter(([name]) => name !== "layer" || chosenLayer === undefined)
      .map(([name, value]) => `${methods.length > 1 ? `${method}.` : ""}${name}=${String(value)}`),
  );
  return {
    images: [photograph.value?.name ?? "photo.jpg"],
    ...(isEmbedded ? {} : { model: files.name }),
    methods,
    targets: [minus === undefined ? String(index) : `${index}:vs:${minus}`],
    parameters,
    ...(chosenLayer !== undefined && methods.some(takesLayer) ? { layer: chosenLayer } : {}),
    ...(isEmbedded || files.labels === undefined ? {} : { labels: files.labels.name }),
    ...(isEmbedded || files.preprocess === undefined ? {} : { preprocess: files.preprocess.name }),
    out: ".",
    seed: 0,
  };
}

/** The command that does the same in a terminal. */
export function commandLine(request: Request): string {
  const words = [
    "npx",
    "onnx-saliency",
    "explain",
    ...request.images,
    ...(request.model === undefined ? [] : ["--model", request.model]),
    "--method",
    request.methods.join(","),
    "--target",
    ...request.targets,
    ...(request.layer === undefined ? [] : ["--layer", request.layer]),
    ...request.parameters.flatMap((parameter) => ["-p", parameter]),
    ...(request.labels === undefined ? [] : ["--labels", request.labels]),
    ...(request.preprocess === undefined ? [] : ["--preprocess", request.preprocess]),
  ];
  return words
    .map((word) => (/^[\w./:,=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}
