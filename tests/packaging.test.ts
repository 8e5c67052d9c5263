import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repository } from "./support/run-cli.ts";

const read = (path: string): string => readFileSync(join(repository, path), "utf8");

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(read("package.json")) as Manifest;

describe("documentation", () => {
  const readme = read("README.md");

  it("has the commands of the README run by CI, word for word", () => {
    const commands = [...read(".ci/run").matchAll(/^step '(npm ci && .*)'$/gm)].map(
      ([, command]) => command ?? "",
    );
    expect(commands).toHaveLength(2);
    for (const command of commands) expect(readme).toContain(`\n${command}\n`);
  });

  it("has every picture made by a command that stands in the README", () => {
    const commands = [...read("scripts/make-gallery.sh").matchAll(/^explain (.*)$/gm)].map(
      ([, options]) => options ?? "",
    );
    expect(commands.length).toBeGreaterThan(0);
    for (const options of commands) expect(readme).toContain(`node dist/cli/main.js explain ${options}\n`);
    for (const [, path] of readme.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g))
      expect(existsSync(join(repository, path ?? ""))).toBe(true);
  });

  it("has the current table of methods", () => {
    const checked = spawnSync(
      process.execPath,
      [join(repository, "scripts/generate-method-table.mjs"), "--check"],
      { encoding: "utf8" },
    );
    expect(checked).toMatchObject({ status: 0, stderr: "" });
  });

  it("links only to files that there are", () => {
    for (const page of ["README.md", "CONTRIBUTING.md", "examples/README.md"]) {
      for (const [, target] of read(page).matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)) {
        expect(existsSync(join(repository, dirname(page), target ?? "")), `${page}: ${target}`).toBe(true);
      }
    }
  });

  it("names every script with a line in CONTRIBUTING", () => {
    const contributing = read("CONTRIBUTING.md");
    for (const name of readdirSync(join(repository, "scripts")))
      expect(contributing).toContain(`scripts/${name}`);
  });

  it("has one version everywhere", () => {
    expect(read("CITATION.cff")).toContain(`version: ${manifest.version}\n`);
    expect(read("CHANGELOG.md")).toMatch(new RegExp(`^## ${manifest.version.replaceAll(".", "\\.")} `, "m"));
  });
});

describe("the package as it is published", () => {
  let folder = "";
  let installed = "";
  let files: readonly string[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "onnx-saliency-package-"));
    const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
      cwd: repository,
      encoding: "utf8",
    });
    const [archive] = JSON.parse(packed) as {
      readonly filename: string;
      readonly files: readonly { readonly path: string }[];
    }[];
    files = archive?.files.map(({ path }) => path) ?? [];
    execFileSync("tar", ["-xzf", join(folder, archive?.filename ?? ""), "-C", folder]);
    // A package of its own, or the nearest one above decides what names mean.
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
    installed = join(folder, "node_modules/onnx-saliency");
    mkdirSync(dirname(installed));
    symlinkSync(join(folder, "package"), installed);
    // Its dependencies and nothing else, so that a missing one shows.
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      const target = join(folder, "package/node_modules", name);
      mkdirSync(dirname(target), { recursive: true });
      symlinkSync(join(repository, "node_modules", name), target);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("holds the program, the model with its labels and licence, and no tests", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "dist/cli/main.js",
        "dist/node.d.ts",
        "models/efficientnet-lite0.onnx",
        "models/efficientnet-lite0.LICENSE",
      ]),
    );
    expect(files.filter((path) => /\.test\.|^tests\/|^examples\/|^docs\//.test(path))).toEqual([]);
  });

  it("has every entry point that it promises", () => {
    for (const entry of Object.values(manifest.exports)) {
      const paths = typeof entry === "string" ? [entry] : [entry.types, entry.default];
      for (const path of paths) expect(existsSync(join(installed, path)), path).toBe(true);
    }
  });

  it("runs as a command and explains a photograph with the model that it brings", () => {
    const program = join(installed, manifest.bin["onnx-saliency"] ?? "");
    expect(readFileSync(program, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(execFileSync(process.execPath, [program, "--version"], { encoding: "utf8" }).trim()).toBe(
      manifest.version,
    );
    const said = execFileSync(
      process.execPath,
      [program, "explain", join(repository, "examples/coffee.png")],
      { cwd: folder, encoding: "utf8" },
    );
    expect(said).toContain("espresso (967)");
    expect(existsSync(join(folder, "coffee.grad-cam.967.png"))).toBe(true);
  });

  it("is imported by name", () => {
    const script =
      'import { methods } from "onnx-saliency"; import { loadModel } from "onnx-saliency/node"; console.log(methods.length > 10, typeof loadModel);';
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(said.trim()).toBe("true function");
  });
});
