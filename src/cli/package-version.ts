import { readFileSync } from "node:fs";

/** The version of this package, from the package.json that it was installed with. */
export function packageVersion(): string {
  // The same two steps up from src/cli and from dist/cli.
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}
