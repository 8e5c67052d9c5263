import { basename } from "node:path";
import { ParameterError } from "../errors.ts";
import { loadModel } from "../node.ts";
import { readModelFile } from "../runtime/model-file-node.ts";
import { splitFeeds, type FeedText } from "../runtime/parse-feeds-node.ts";
import type { ConfiguredModel } from "./configuration.ts";
import type { EvaluationRequest } from "./configure.ts";
import { configuredFeeds, feedTensors } from "./load-configured-model.ts";
import { localModel } from "./local-model.ts";

/**
 * Loads each model as `explain` does with the same options, and writes down what that came to.
 * @throws ParameterError for an option that fits none of several models; what loading a model throws
 */
export async function configureModels(request: EvaluationRequest): Promise<ConfiguredModel[]> {
  const feeds = splitFeeds(request.feeds ?? []);
  const locals: { readonly path: string; readonly feeds: readonly FeedText[] }[] = [];
  for (const { path } of request.models) {
    const local = await localModel(path);
    // Of several models each takes what it has; a single one must have all, and says what it has instead.
    const inputs =
      request.models.length > 1 && feeds.length > 0
        ? readModelFile(local).graph.inputs.map(({ name }) => name)
        : undefined;
    locals.push({
      path: local,
      feeds: inputs === undefined ? feeds : feeds.filter(({ name }) => inputs.includes(name)),
    });
  }
  const unused = feeds.find((feed) => !locals.some((local) => local.feeds.includes(feed)));
  if (unused !== undefined) {
    throw new ParameterError(
      `feed: expected an input of one of the models, got '${unused.name}'. See the inputs with: onnx-saliency inspect MODEL.`,
    );
  }
  const models: ConfiguredModel[] = [];
  for (const [index, { path, name, tap }] of request.models.entries()) {
    const local = locals[index] ?? { path, feeds: [] };
    const unique = name ?? basename(path).replace(/\.onnx$/, "");
    models.push({
      name: models.some((model) => model.name === unique) ? `${unique}-${models.length + 1}` : unique,
      path,
      ...(await configureModel(local.path, configuredFeeds(local.feeds), tap, request)),
    });
  }
  return models;
}

async function configureModel(
  path: string,
  feeds: NonNullable<ConfiguredModel["feeds"]>,
  tap: "before-activation" | undefined,
  { preprocess, resize, layer, output, size }: EvaluationRequest,
): Promise<Omit<ConfiguredModel, "name" | "path">> {
  const model = await loadModel(path, {
    ...(preprocess !== undefined && { preprocess }),
    ...(resize !== undefined && { resize }),
    ...(layer !== undefined && tap === undefined && { layer }),
    ...(output !== undefined && { output }),
    ...(size !== undefined && { size }),
    ...(feeds.length > 0 && { feeds: feedTensors(feeds) }),
  });
  try {
    const { normalization, resize: chosen } = model.preprocess;
    const { size: side, ...geometry } = chosen;
    const { mean, std, channelOrder } = normalization;
    const tapped = tap === undefined ? layer : model.tappedLayer(tap).name;
    return {
      sha256: model.description.sha256,
      preprocess: {
        resize: {
          ...geometry,
          ...(side !== undefined && { size: typeof side === "number" ? side : [...side] }),
        },
        normalization: { mean: [...mean], std: [...std], channelOrder },
      },
      preprocessSource: model.description.preprocessSource,
      ...(tapped !== undefined && { layer: tapped }),
      ...(output !== undefined && { output }),
      ...(size !== undefined && { size: [...size] }),
      ...(feeds.length > 0 && { feeds }),
    };
  } finally {
    await model.close();
  }
}
