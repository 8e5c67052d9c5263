// Builds and runs benchmarks: `npm run bench` runs all with their defaults, `npm run bench -- NAME [ARGUMENT...]` one.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const tools = join(root, ".cache", "tools");
const [only, ...rest] = process.argv.slice(2);
execFileSync(
  process.execPath,
  [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.tools.json")],
  {
    stdio: "inherit",
  },
);
for (const folder of ["models", "examples"]) {
  const link = join(tools, folder);
  if (!existsSync(link)) symlinkSync(join(root, folder), link);
}
const names = readdirSync(join(tools, "bench"))
  .filter((file) => file.endsWith(".bench.js"))
  .map((file) => file.slice(0, -".bench.js".length))
  .filter((name) => only === undefined || name === only);
if (names.length === 0) throw new Error(`bench: no benchmark named '${only}'.`);
for (const name of names) {
  console.log(`\n== ${name}`);
  execFileSync(process.execPath, [join(tools, "bench", `${name}.bench.js`), ...rest], {
    stdio: "inherit",
    cwd: root,
  });
}
