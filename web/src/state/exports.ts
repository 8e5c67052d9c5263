import { findMethod, writeNpy } from "onnx-saliency/web";
import { colorMap, opacity } from "./settings.ts";
import { commandLine, type Request } from "./request.ts";
import {
  engine,
  model,
  photograph,
  resultOf,
  selected,
  stemOf,
  target,
  targetName,
  wanted,
  type Explained,
} from "./studio.ts";
import type { ExplanationInfo } from "../engine/protocol.ts";

type Finished = Explained & ExplanationInfo;

/** The explanations that are ready. */
export function finished(): readonly Finished[] {
  return wanted.value.flatMap((explained) => {
    const result = resultOf(explained);
    return result?.kind === "done" ? [{ ...explained, map: result.map, record: result.record }] : [];
  });
}

/** As the command line names its results: IMAGE.METHOD.CLASS. */
export function stemFor({ method, target }: Explained): string {
  const klass = target.minus === undefined ? String(target.index) : `${target.index}-vs-${target.minus}`;
  return `${stemOf(photograph.value?.name ?? "photo")}.${method.replaceAll(":", "-")}.${klass}`;
}

/** The map as float32, the network's height x width. */
export function npyFile({ map }: Finished): Blob {
  return new Blob([
    writeNpy({ type: "float32", dims: [map.height, map.width], data: map.values }) as Uint8Array<ArrayBuffer>,
  ]);
}

/** All that it takes to make the map again. */
export function recordOf(explanation: Finished): unknown {
  const info = model.value;
  return {
    image: photograph.value?.name,
    model: {
      file: info?.name,
      ...(info?.sha256 === undefined ? {} : { sha256: info.sha256 }),
      opset: info?.opset,
      producer: info?.producer,
    },
    ...explanation.record,
    preprocessing: { ...info?.preprocess, source: info?.preprocessSource },
    versions: { "onnx-saliency": __VERSION__, device: info?.device, browser: navigator.userAgent },
  };
}

/** One picture: the photograph and every map with captions and colour bars. */
export async function figureFile(explanations: readonly Finished[]): Promise<Blob> {
  return await engine.call("figure", {
    maps: explanations.map(({ map, record, method, target }) => ({
      map,
      title: findMethod(method).title,
      note: `${targetName(target)}, ${(record.score.probability * 100).toFixed(1)} %`,
    })),
    title: targetName(target.value),
    subtitle: `${photograph.value?.name ?? ""}, ${model.value?.name ?? ""}`,
    opacity: opacity.value,
    ...(colorMap.value === "auto" ? {} : { colorMap: colorMap.value }),
  }).answer;
}

/** The comparison as one file that needs nothing else: pictures, words, records, and the command that makes it again. */
export async function htmlFile(explanations: readonly Finished[], request: Request): Promise<Blob> {
  const pictures: string[] = [];
  for (const explanation of explanations) {
    const png = await figureFile([explanation]);
    pictures.push(
      `<figure><img src="${await dataUrl(png)}" alt="${escape(`${findMethod(explanation.method).title} for ${targetName(explanation.target)}`)}">` +
        `<figcaption><details><summary>How it was made</summary><pre>${escape(JSON.stringify(recordOf(explanation), undefined, 2))}</pre></details></figcaption></figure>`,
    );
  }
  const title = `${photograph.value?.name ?? "photograph"}: ${targetName(target.value)}`;
  return new Blob(
    [
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(title)}</title>`,
      "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}img{max-width:100%;border-radius:6px}figure{margin:0 0 2rem}pre{overflow:auto;font-size:13px}</style>",
      `<h1>${escape(title)}</h1><p>${escape(model.value?.name ?? "")}</p>`,
      ...pictures,
      `<h2>Make it again</h2><pre>${escape(commandLine(request))}</pre></html>`,
    ],
    { type: "text/html" },
  );
}

/** Hands a file to the browser's downloads. */
export function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The explanation on the stage, if it is ready. */
export function onStage(): Finished | undefined {
  return finished().find(
    ({ method, target: of }) =>
      method === selected.value && of.index === target.value.index && of.minus === target.value.minus,
  );
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error("the picture cannot be read"));
    reader.readAsDataURL(blob);
  });
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
