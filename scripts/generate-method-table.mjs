// Writes the table of methods into README.md from `onnx-saliency methods --json`; with --check only says whether it is current.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const readmePath = fileURLToPath(new URL("../README.md", import.meta.url));
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const [start, end] = ["<!-- methods:start -->", "<!-- methods:end -->"];

const methods = execFileSync(process.execPath, [program, "methods", "--json"], { encoding: "utf8" })
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const costOf = ({ f, fb }) =>
  [f > 0 ? `${f} f` : "", fb > 0 ? `${fb} fb` : ""].filter((part) => part !== "").join(" + ") || "0";
const rows = methods.map(
  ({ id, needs, cost, summary, paper }) =>
    `| \`${id}\` | ${summary} | ${needs} | ${costOf(cost)} | [${paper.authors} ${paper.year}](${paper.url}) |`,
);
const table = [
  "| id | what it shows | needs | cost | paper |",
  "| --- | --- | --- | --- | --- |",
  ...rows,
].join("\n");

const readme = readFileSync(readmePath, "utf8");
const [before, rest] = readme.split(start);
const [, after] = (rest ?? "").split(end);
if (after === undefined) throw new Error(`README.md: expected the lines ${start} and ${end}`);
const updated = `${before}${start}\n\n${table}\n\n${end}${after}`;
// The formatter pads the columns of tables.
const unpadded = (text) => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");
if (!process.argv.includes("--check")) writeFileSync(readmePath, updated);
else if (unpadded(updated) !== unpadded(readme)) {
  console.error("README.md: the table of methods is not current. Run: npm run method-table");
  process.exitCode = 1;
}
