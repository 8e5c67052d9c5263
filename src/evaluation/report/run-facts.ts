import { basename } from "node:path";
import type { ConfiguredModel } from "../configuration.ts";
import type { Summary } from "../summary.ts";
import { publishedNotes, publishedProtocols } from "./published-values.ts";

/** A part of a report by its data set. */
export function partTitle({ configuration: { dataset } }: Summary): string {
  const [kind = "", rest = ""] = dataset.split(/:(.*)/s);
  // Of files and folders, the last name says most; annotations come after the images.
  const name = basename(rest.split(",")[0] ?? "");
  return name === kind ? kind : `${name} (${kind})`;
}

/** Which images the mean curves are of. */
export function curveImages({ images }: Summary): string {
  return `Over ${images.explained} images.`;
}

/** Sentences about how a run was made, for every report. */
export function runFacts({
  configuration,
  runs,
  images,
  accuracy,
  failures,
}: Summary): readonly (readonly [name: string, value: string])[] {
  const limit =
    configuration.limit === undefined
      ? ""
      : ` (a sample of ${configuration.images.count}, seed ${configuration.seed})`;
  const explained =
    images.explained === images.done ? "" : `; ${images.explained} of them have a class to explain`;
  const isAnnotated = configuration.target === "annotated";
  return [
    ...runs.flatMap(({ provenance }) => [
      ["command", provenance.command] as const,
      ["started", provenance.startedAt] as const,
    ]),
    ["data set", configuration.dataset],
    ["images", `${images.done} of ${images.planned}${limit}${explained}`],
    [
      "explained class",
      `${configuration.target}${isAnnotated ? `, above probability ${configuration.threshold}` : ""}`,
    ],
    ["models", configuration.models.map(modelText).join("; ")],
    ...(Object.keys(accuracy).length > 0
      ? [
          [
            "top-1 accuracy",
            Object.entries(accuracy)
              .map(([model, share]) => `${model} ${(100 * share).toFixed(1)} %`)
              .join("; "),
          ] as const,
        ]
      : []),
    [
      "methods",
      configuration.rows
        .map((row) =>
          row.kind === "saved"
            ? `${row.label} (maps from ${row.pattern})`
            : `${row.label} ${parameterText(row.params)}`.trim(),
        )
        .join("; "),
    ],
    [
      "metrics",
      configuration.metrics.map(({ label, params }) => `${label} ${parameterText(params)}`.trim()).join("; "),
    ],
    ["failures", String(failures.length)],
    ["versions", distinct(runs.map(({ provenance }) => versionText(provenance.versions)))],
    ["machine", distinct(runs.map(({ provenance }) => provenance.machine))],
  ];
}

const distinct = (texts: readonly string[]): string => [...new Set(texts)].join("; ");

function versionText(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

function modelText(model: ConfiguredModel): string {
  const { name, sha256, preprocess, preprocessSource, layer, output, size, feeds } = model;
  const { mode, filter, antialias } = preprocess.resize;
  const source = preprocessSource === undefined ? "" : `, preprocessing from ${shortened(preprocessSource)}`;
  const inputs = (feeds ?? []).map(
    (feed) => `, ${feed.name} = ${"path" in feed ? basename(feed.path) : feed.value}`,
  );
  return (
    `${name} (SHA-256 ${sha256.slice(0, 12)}, ${mode}, ${filter}${antialias ? "" : ", not antialiased"}${source}` +
    `${layer === undefined ? "" : `, layer ${layer}`}${output === undefined ? "" : `, output ${output}`}` +
    `${size === undefined ? "" : `, at ${size.join(" x ")}`}${inputs.join("")})`
  );
}

/** Of the path of a file beside a model, its name: folders say nothing to readers elsewhere. */
function shortened(source: string): string {
  return /^[^ ]*[/\\][^ ]*$/.test(source) ? basename(source) : source;
}

function parameterText(params: Readonly<Record<string, unknown>>): string {
  const text = Object.entries(params)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
  return text === "" ? "" : `(${text})`;
}

/** What ours and the paper's numbers rest on, and what the paper leaves open. */
export function protocolNotes(summary: Summary): readonly string[] {
  const { configuration, models, images, metrics, common } = summary;
  const isPointing = metrics.some(({ label }) => label === "pointing-game");
  const isRemoval = metrics.some(({ label }) => label === "deletion" || label === "insertion");
  const tables = [
    ...(isRemoval ? (["table1", "table2"] as const) : []),
    ...(isPointing ? (["table3"] as const) : []),
  ];
  const resizes = [...new Set(configuration.models.map(({ preprocess }) => preprocess.resize.mode))];
  const number =
    common === undefined ? `${images.explained}` : `${common.images.explained} to ${images.explained}`;
  return [
    `Ours: ${models.join(", ")}; ${number} images of ${configuration.dataset}; explained class ${configuration.target}; photographs fitted by ${resizes.join(", ")}.`,
    ...tables.map(
      (table) => `The paper's ${table.replace("table", "table ")}: ${publishedProtocols[table]}.`,
    ),
    ...publishedNotes,
  ];
}
