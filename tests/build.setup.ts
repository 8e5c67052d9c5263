import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Builds `dist/` (the package) and `.cache/tools/` (examples and scripts) once, before the tests that run them as users do. */
export function setup(): void {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const compiler = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
  for (const project of ["tsconfig.build.json", "tsconfig.tools.json"]) {
    execFileSync(process.execPath, [compiler, "-p", project], { cwd: root, stdio: "inherit" });
  }
}
