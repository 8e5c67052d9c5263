import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, platform, totalmem } from "node:os";
import type { Provenance } from "./run-folder.ts";

/** Who made a run: the command, versions and the machine. */
export function provenance(args: readonly string[], now: Date = new Date()): Provenance {
  const [processor] = cpus();
  return {
    command: ["onnx-saliency", ...args].map(quoted).join(" "),
    startedAt: now.toISOString(),
    versions: {
      "onnx-saliency": ownVersion(),
      "onnxruntime-node": versionOf("onnxruntime-node"),
      node: process.versions.node,
    },
    machine: `${cpus().length} x ${processor?.model.trim() ?? "unknown processor"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${platform()} ${arch()}`,
  };
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function ownVersion(): string {
  return versionIn(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
}

function versionOf(name: string): string {
  try {
    return versionIn(readFileSync(createRequire(import.meta.url).resolve(`${name}/package.json`), "utf8"));
  } catch {
    return "unknown";
  }
}

function versionIn(text: string): string {
  const manifest = JSON.parse(text) as { readonly version?: unknown };
  return typeof manifest.version === "string" ? manifest.version : "unknown";
}
