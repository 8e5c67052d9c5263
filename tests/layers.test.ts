import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const sourceRoot = fileURLToPath(new URL("../src", import.meta.url));

/** From left to right: a file may import from its own layer and from layers before it. */
const layers: readonly (readonly string[])[] = [
  ["errors.ts", "nearest-names.ts", "write-error.ts", "tensor", "random"],
  ["image"],
  ["graph"],
  ["onnx"],
  ["autodiff"],
  ["runtime"],
  ["methods"],
  ["metrics", "datasets"],
  ["index.ts", "node.ts", "web.ts"],
  ["evaluation"],
  ["cli"],
];

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly isTypeOnly: boolean;
}

function sourceFiles(): readonly string[] {
  return readdirSync(sourceRoot, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => /\.tsx?$/.test(file) && !file.includes(".test.") && !file.includes(".bench."));
}

/** The code without comments, so that prose neither imports nor touches the DOM. Strings that hold `//` survive well enough. */
function readCode(file: string): string {
  return readFileSync(join(sourceRoot, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

function importsOf(file: string, code: string): readonly Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(
    /\b(?:import|export)\s+(type\s)?(?:[^"';()]*?\sfrom\s*)?["']([^"']+)["']/g,
  )) {
    found.push({ file, specifier: match[2] ?? "", isTypeOnly: match[1] !== undefined });
  }
  for (const match of code.matchAll(/\bimport\(\s*["']([^"']+)["']/g)) {
    found.push({ file, specifier: match[1] ?? "", isTypeOnly: false });
  }
  return found;
}

/** The imported file, relative to `src/`; undefined for packages, built-ins and files outside. */
function resolveImport({ file, specifier }: Import): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const path = relative(sourceRoot, join(sourceRoot, dirname(file), specifier))
    .split(sep)
    .join("/");
  return path.startsWith("..") ? undefined : path;
}

function layerOf(file: string): number {
  const first = file.split("/")[0] ?? "";
  const index = layers.findIndex((names) => names.includes(first));
  if (index < 0)
    throw new Error(`src/${file} belongs to no layer: put it into one, or name its layer in this test.`);
  return index;
}

const files = sourceFiles();
const codes = new Map(files.map((file) => [file, readCode(file)] as const));
const imports = files.flatMap((file) => importsOf(file, codes.get(file) ?? ""));

const nodeFiles =
  /^(?:(?:runtime|image|datasets)\/(?:.*\/)?[a-z-]*-node(?:-[a-z]+)*\.ts|evaluation\/.*|cli\/.*|node\.ts)$/;
const webFiles = /^(?:(?:runtime|image)\/(?:.*\/)?[a-z-]*-web(?:-[a-z]+)*\.ts|web\.ts)$/;
const nodePackages = /^(?:node:.*|sharp|onnxruntime-node)$/;
const domGlobals =
  /(?<![.\w])(?:document|navigator|OffscreenCanvas|createImageBitmap|ImageData|localStorage)(?![\w:?]|\s*:)/;

describe("layers", () => {
  it("finds the imports it is meant to judge", () => {
    expect(imports.length).toBeGreaterThan(10);
    expect(
      importsOf(
        "a.ts",
        `import type { A } from "./b.ts";\nexport { c } from "../d.ts";\nawait import("./e.ts");\nimport "./f.ts";`,
      ),
    ).toEqual([
      { file: "a.ts", specifier: "./b.ts", isTypeOnly: true },
      { file: "a.ts", specifier: "../d.ts", isTypeOnly: false },
      { file: "a.ts", specifier: "./f.ts", isTypeOnly: false },
      { file: "a.ts", specifier: "./e.ts", isTypeOnly: false },
    ]);
  });

  it("imports only from the same layer or from one to the left", () => {
    const breaches = imports.flatMap((entry) => {
      const target = resolveImport(entry);
      if (target === undefined || layerOf(target) <= layerOf(entry.file)) return [];
      return [`src/${entry.file} imports src/${target}`];
    });
    expect(breaches).toEqual([]);
  });

  it("keeps Node's modules and native packages in the files made for Node", () => {
    const breaches = imports.filter(
      (entry) => nodePackages.test(entry.specifier) && !nodeFiles.test(entry.file),
    );
    expect(breaches).toEqual([]);
  });

  it("keeps onnxruntime-web and the DOM in the files made for the browser", () => {
    const breaches = files.filter((file) => {
      const usesWeb = imports.some(
        (entry) => entry.file === file && entry.specifier.startsWith("onnxruntime-web"),
      );
      const withoutStrings = (codes.get(file) ?? "").replace(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, '""');
      return (usesWeb || domGlobals.test(withoutStrings)) && !webFiles.test(file);
    });
    expect(breaches).toEqual([]);
  });

  it("does not ask which runtime it is in", () => {
    const breaches = files.filter((file) =>
      /\btypeof (?:window|process|document|self|Deno|Bun)\b/.test(codes.get(file) ?? ""),
    );
    expect(breaches).toEqual([]);
  });

  it("has no cycle of imports at run time", () => {
    const edges = new Map<string, readonly string[]>();
    for (const file of files) {
      const targets = imports.filter((entry) => entry.file === file && !entry.isTypeOnly).map(resolveImport);
      edges.set(
        file,
        targets.filter((target) => target !== undefined),
      );
    }
    const finished = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (finished.has(file) || path.includes(file)) return;
      for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
      finished.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it("names every relative import with its .ts ending", () => {
    const breaches = imports.filter(
      ({ specifier }) => specifier.startsWith(".") && !/\.(?:tsx?|json|js)$/.test(specifier),
    );
    expect(breaches).toEqual([]);
  });

  it("has no folder that says nothing about what it holds", () => {
    expect(
      files.filter((file) => /(?:^|\/)(?:utils|common|helpers|misc|types|lib)(?:\/|\.ts$)/.test(file)),
    ).toEqual([]);
  });
});
