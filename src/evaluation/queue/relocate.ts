import { existsSync } from "node:fs";
import { basename } from "node:path";
import { isUrl } from "../../datasets/fetch-node.ts";
import { embeddedModelPath } from "../../node.ts";
import type { Configuration } from "../configuration.ts";

/** Paths that begin with `from` are read at `to` on this machine. */
export interface PathRule {
  readonly from: string;
  readonly to: string;
}

/**
 * A configuration with the paths of this machine. The embedded classifier is found where this package is installed; whoever
 * loads a model compares its hash.
 */
export function relocated(configuration: Configuration, rules: readonly PathRule[] = []): Configuration {
  const move = (path: string): string => {
    const rule = rules.find(({ from }) => path.startsWith(from));
    return rule === undefined ? path : rule.to + path.slice(rule.from.length);
  };
  const findModel = (path: string): string => {
    const isElsewhere = !isUrl(path) && !existsSync(path) && basename(path) === basename(embeddedModelPath);
    return isElsewhere ? embeddedModelPath : path;
  };
  const { classMap, models, rows, dataset } = configuration;
  return {
    ...configuration,
    models: models.map((model) => ({
      ...model,
      path: findModel(move(model.path)),
      ...(model.feeds && {
        feeds: model.feeds.map((feed) => ("path" in feed ? { ...feed, path: move(feed.path) } : feed)),
      }),
    })),
    rows: rows.map((row) => (row.kind === "saved" ? { ...row, pattern: move(row.pattern) } : row)),
    dataset: dataset
      .split(",")
      .map((part) =>
        part.replace(/^((?:[a-z]+:)*)(.*)$/s, (_, kind: string, path: string) => kind + move(path)),
      )
      .join(","),
    ...(classMap && { classMap: { ...classMap, path: move(classMap.path) } }),
  };
}
