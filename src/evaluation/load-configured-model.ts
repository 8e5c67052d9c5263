import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { DataError } from "../errors.ts";
import { loadModel, type LoadModelOptions, type NodeModel } from "../node.ts";
import { isFeedFile, parseFeed, type FeedText } from "../runtime/parse-feeds-node.ts";
import { preprocessOf, type ConfiguredFeed, type ConfiguredModel } from "./configuration.ts";
import { localModel } from "./local-model.ts";

/**
 * Loads a model of a run with all that the run says of it.
 * @throws DataError if the model's file, or the file of a further input, is not the one that the run was started with
 */
export async function loadConfiguredModel(configured: ConfiguredModel, threads?: number): Promise<NodeModel> {
  const { path, sha256, layer, output, size, feeds } = configured;
  const options: LoadModelOptions = {
    preprocess: preprocessOf(configured),
    ...(threads !== undefined && { threads }),
    ...(layer !== undefined && { layer }),
    ...(output !== undefined && { output }),
    ...(size !== undefined && { size }),
    ...(feeds !== undefined && { feeds: feedTensors(feeds) }),
  };
  const model = await loadModel(await localModel(path, sha256), options);
  if (model.description.sha256 === sha256) return model;
  await model.close();
  throw new DataError(
    `model: '${path}' is not the file that the run was started with (SHA-256 ${model.description.sha256.slice(0, 12)}, expected ${sha256.slice(0, 12)}). ` +
      "Restore it, or start another run.",
  );
}

/** What `run.json` says of further inputs: short values as they were given, files with their hash. */
export function configuredFeeds(feeds: readonly FeedText[]): ConfiguredFeed[] {
  return feeds.map(({ name, text }) => {
    // Fails here, rather than in a job, if it is no value.
    parseFeed(name, text);
    return isFeedFile(text) ? { name, path: text, sha256: fileHash(text) } : { name, value: text };
  });
}

/** The values of further inputs. @throws DataError for a file that changed. */
export function feedTensors(feeds: readonly ConfiguredFeed[]): NonNullable<LoadModelOptions["feeds"]> {
  return Object.fromEntries(
    feeds.map((feed) => {
      if (!("path" in feed)) return [feed.name, parseFeed(feed.name, feed.value)];
      const tensor = parseFeed(feed.name, feed.path);
      if (fileHash(feed.path) === feed.sha256) return [feed.name, tensor];
      throw new DataError(
        `feed: '${feed.path}' changed since the run was started. Restore it, or start another run.`,
      );
    }),
  );
}

function fileHash(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
