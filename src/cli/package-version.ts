import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** The version of this package, from the package.json that it was installed with. */
export function packageVersion(): string {
  // The same two steps up from src/cli and from dist/cli.
  return versionIn(new URL("../../package.json", import.meta.url)) ?? "unknown";
}

/** The version of a package that this one uses, or `undefined` where it is not installed. */
export function installedVersion(name: string): string | undefined {
  try {
    return versionIn(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

function versionIn(path: string | URL): string | undefined {
  const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : undefined;
}
