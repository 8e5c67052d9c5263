import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Configuration } from "../configuration.ts";
import { mergeRuns } from "../merge.ts";
import { openRecordWriter, readRecords, recordKey, type RunRecord } from "../records.ts";
import { openRun } from "../run-folder.ts";
import { joinRuns } from "../join-runs.ts";
import { summarize, summarizeRuns } from "../summary.ts";
import { escapeHtml, lineChart } from "./chart.ts";
import { publishedValues } from "./published-values.ts";
import { orderTable, paperTables } from "./paper-tables.ts";
import { mainTables } from "./report-table.ts";
import { toCsv, toLatex, toMarkdown } from "./text-formats.ts";
import { writeReport } from "./write-report.ts";

const root = mkdtempSync(join(tmpdir(), "report-"));
afterAll(() => rmSync(root, { recursive: true }));

const preprocess: Configuration["models"][number]["preprocess"] = {
  resize: { mode: "stretch", filter: "bilinear", antialias: true, cropFraction: 0.875 },
  normalization: { mean: [0], std: [1], channelOrder: "RGB" },
};
const configuration: Configuration = {
  models: ["inception_v3", "vgg19"].map((name) => ({
    name,
    path: `/x/${name}.onnx`,
    sha256: name,
    preprocess,
  })),
  rows: ["grad-cam", "sigcam"].map((label) => ({
    label,
    kind: "method" as const,
    method: label,
    params: {},
  })),
  metrics: ["deletion", "insertion", "over-all"].map((metric) => ({ label: metric, metric, params: {} })),
  dataset: "folder:/data/<photos>",
  images: { count: 20, sha256: "2" },
  target: "predicted",
  threshold: 0.5,
  seed: 0,
  saveMaps: false,
};
const provenance = {
  command: "onnx-saliency evaluate",
  startedAt: "2026-01-01",
  versions: { node: "20" },
  machine: "test",
};

/** Records of 20 images: SIGCAM's deletion is always 0.05 below, its insertion alternates around Grad-CAM's. */
function records(images: readonly number[]): RunRecord[] {
  return images.flatMap((image) =>
    configuration.models.flatMap(({ name: model }): RunRecord[] => [
      {
        kind: "targets",
        image: `${image}.jpg`,
        model,
        predicted: 1,
        label: image % 2,
        targets: [{ index: 1, probability: 0.5 }],
      },
      ...configuration.rows.map(({ label: row }): RunRecord => {
        const deletion = 0.2 + 0.01 * image - (row === "sigcam" ? 0.05 : 0);
        const insertion = 0.5 + 0.01 * image + (row === "sigcam" && image % 2 === 0 ? 0.001 : 0);
        return {
          kind: "map",
          image: `${image}.jpg`,
          model,
          row,
          target: { index: 1 },
          probability: 0.5,
          metrics: {
            deletion: { score: deletion, curve: { y: [1, deletion, 0] } },
            insertion: { score: insertion },
            "over-all": { score: insertion - deletion },
          },
          cost: { f: 0, fb: row === "sigcam" ? 301 : 1, seconds: 0.5, metricSeconds: 0.1 },
          ...(image === 3 && row === "grad-cam" && { degenerate: { code: "constant", message: "flat" } }),
        };
      }),
    ]),
  );
}

let counter = 0;
function newRun(list: readonly RunRecord[], changes: Partial<Configuration> = {}): string {
  const folder = join(root, `run-${++counter}`);
  openRun(folder, { ...configuration, ...changes }, provenance);
  const writer = openRecordWriter(join(folder, "records.jsonl"));
  for (const record of list) writer.append(record);
  writer.close();
  return folder;
}
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

describe("a summary", () => {
  it("has means, the best row, its significance, costs, degenerate maps and accuracy", async () => {
    const summary = await summarize(newRun(records(range(0, 20))));
    const cell = (row: string, metric: string) =>
      summary.cells.find((item) => item.row === row && item.metric === metric && item.model === "vgg19");
    expect(cell("sigcam", "deletion")).toMatchObject({ isBest: true, pValue: null, count: 20 });
    expect(cell("sigcam", "deletion")?.mean).toBeCloseTo(0.245, 9);
    expect(cell("grad-cam", "deletion")?.pValue).toBeLessThan(0.001);
    expect(cell("grad-cam", "deletion")?.curve?.mean).toEqual([1, expect.closeTo(0.295, 9), 0]);
    expect(summary.costs.find(({ row, model }) => row === "grad-cam" && model === "vgg19")).toMatchObject({
      fb: 1,
      count: 20,
      degenerate: { constant: 1 },
    });
    expect(summary.accuracy["vgg19"]).toBe(0.5);
    expect(
      summary.acrossModels.find(({ row, metric }) => row === "sigcam" && metric === "over-all")?.mean,
    ).toBeCloseTo(0.3505, 9);
  });

  it("counts a record once, and forgets a failure that was made good", async () => {
    const failure: RunRecord = {
      kind: "failure",
      image: "1.jpg",
      model: "vgg19",
      row: "sigcam",
      target: 1,
      code: "X",
      message: "",
    };
    const other: RunRecord = { ...failure, image: "99.jpg" };
    const summary = await summarize(newRun([failure, other, ...records(range(0, 5)), ...records([2])]));
    expect(summary.failures).toEqual([other]);
    expect(summary.cells[0]?.count).toBe(5);
  });
});

describe("merging", () => {
  const keysOf = async (run: string): Promise<readonly string[]> => {
    const keys: string[] = [];
    for await (const record of readRecords(run)) keys.push(recordKey(record));
    return keys.sort();
  };

  it("gives the records of the whole, once, and the same tables", async () => {
    const whole = newRun(records(range(0, 20)));
    const parts = [newRun(records(range(10, 20))), newRun(records(range(0, 12)))];
    const out = join(root, "merged");
    expect(await mergeRuns(parts, out)).toEqual({ records: 120, duplicates: 12 });
    expect(await keysOf(out)).toEqual(await keysOf(whole));
    expect(mainTables(await summarize(out))).toEqual(mainTables(await summarize(whole)));
    expect(await mergeRuns(parts, out)).toEqual({ records: 0, duplicates: 132 });
  });

  it("keeps a failure only where no run did better", async () => {
    const failed: RunRecord = { kind: "failure", image: "0.jpg", model: "vgg19", code: "DATA", message: "" };
    const lost: RunRecord = { ...failed, image: "50.jpg" };
    const out = join(root, "merged-failures");
    await mergeRuns([newRun([failed, lost]), newRun(records([0]))], out);
    expect((await summarize(out)).failures).toEqual([lost]);
  });

  it("refuses runs that differ", async () => {
    const other = newRun([], { seed: 4 });
    await expect(mergeRuns([newRun([]), other], join(root, "refused"))).rejects.toThrow(/seed: 0 -> 4/);
  });
});

describe("tables", () => {
  it("mark the best and the significance of the others, and have the mean over models", async () => {
    const [table] = mainTables(await summarize(newRun(records(range(0, 20)))));
    const { columns, groups, rows } = table!;
    expect(groups.map(({ label, span }) => `${label}:${span}`)).toEqual([
      ":2",
      "inception_v3:3",
      "vgg19:3",
      "mean of models:1",
    ]);
    expect(columns.slice(1, 3)).toEqual(["images", "deletion (%) ↓"]);
    expect(rows[0]?.[2]?.text).toBe("29.50**");
    expect(rows[1]?.[2]).toMatchObject({ text: "24.50", isBest: true });
  });

  it("put the paper's numbers beside those of the same model", async () => {
    const summary = await summarize(newRun(records(range(0, 20))));
    const [table1, table2, ...more] = paperTables(summary);
    expect(more).toEqual([]);
    expect(table1?.groups.map(({ label, span }) => `${label}:${span}`)).toEqual([
      ":1",
      "ours, inception_v3:3",
      "ours, vgg19:3",
      "paper, inception_v3:3",
    ]);
    const row = table1?.rows.find(([method]) => method?.text === "sigcam");
    expect(row?.map(({ text, isBest }) => `${text}${isBest === true ? " best" : ""}`).slice(4)).toEqual([
      "24.50 best",
      expect.stringMatching(/best/),
      expect.stringMatching(/best/),
      "9.91 best",
      "67.57 best",
      "57.66 best",
    ]);
    expect(table2?.columns).toHaveLength(1 + 6 + 7);
  });

  it("say where the paper's order holds, and name the pairs where it does not", async () => {
    // Grad-CAM's insertion is the better one here, against the paper.
    const reversed = records(range(0, 20)).map((record): RunRecord =>
      record.kind === "map" && record.row === "grad-cam"
        ? { ...record, metrics: { ...record.metrics, insertion: { score: 0.9 } } }
        : record,
    );
    const table = orderTable(await summarize(newRun(reversed)));
    const rows = table?.rows.map((row) => row.map(({ text }) => text));
    expect(rows).toContainEqual(["table 1", "deletion", "inception_v3", "vgg19", "1", "1", "0", "0", "none"]);
    expect(rows).toContainEqual([
      "table 1",
      "insertion",
      "inception_v3",
      "vgg19",
      "1",
      "0",
      "0",
      "1",
      "grad-cam over sigcam (p < 0.001)",
    ]);
  });

  it("hold all of the paper's numbers", () => {
    const values = publishedValues();
    expect(values).toHaveLength(7 * 3 + 5 * 7 + 5);
    // Table 1: over-all is insertion minus deletion.
    const of = (metric: string) =>
      values.find(({ table, row, metric: name }) => table === "table1" && row === "sigcam" && name === metric)
        ?.percent ?? NaN;
    expect(of("insertion") - of("deletion")).toBeCloseTo(of("over-all"), 9);
  });

  it("escape what would break them", async () => {
    const summary = await summarize(newRun(records(range(0, 3))));
    expect(toLatex([summary], { comparePaper: false })).toContain("deletion (\\%) $\\downarrow$");
    expect(toLatex([summary], { comparePaper: false })).toContain("inception\\_v3");
    expect(toMarkdown([summary], { comparePaper: true })).toContain("| inception_v3: deletion (%) ↓ |");
    expect(toCsv([summary]).split("\n")[1]).toMatch(/^inception_v3,grad-cam,deletion,3,0\.2/);
    expect(escapeHtml(`<a href="'&">`)).not.toMatch(/[<>"']/);
  });
});

describe("runs with different methods and numbers of images", () => {
  const of = (row: string, images: readonly number[]) =>
    records(images).filter(
      (record) => record.kind === "targets" || (record.kind === "map" && record.row === row),
    );
  const onlyRow = (label: string): Partial<Configuration> => ({
    rows: configuration.rows.filter((row) => row.label === label),
  });

  it("share tables: on the images of all, and on all of each, with their numbers", async () => {
    const quick = newRun(of("grad-cam", range(0, 20)), onlyRow("grad-cam"));
    const slow = newRun(of("sigcam", range(0, 5)), { ...onlyRow("sigcam"), limit: 5 });
    const [joined, ...others] = joinRuns([quick, slow]);
    expect(others).toEqual([]);
    const summary = await summarizeRuns(joined!);
    const [same, all] = mainTables(summary).map(({ rows }) => rows.map((row) => row.map(({ text }) => text)));
    expect(same?.map((row) => row.slice(0, 3))).toEqual([
      ["grad-cam", "5", expect.stringMatching(/^22\.00/)],
      ["sigcam", "5", "17.00"],
    ]);
    expect(all?.map((row) => row.slice(0, 3))).toEqual([
      ["grad-cam", "20", "29.50"],
      ["sigcam", "5", "17.00"],
    ]);
    expect(toCsv([summary])).toMatch(/^vgg19,sigcam,deletion,5,.*,5,1,/m);
    expect(summary.common?.cells.find(({ row }) => row === "grad-cam")?.curve?.mean[1]).toBeCloseTo(0.22, 9);
  });

  it("stand in one table if only failures make the numbers differ", async () => {
    const lacking = records(range(0, 20)).filter(
      (record) => !(record.kind === "map" && record.row === "sigcam" && record.image === "7.jpg"),
    );
    const tables = mainTables(await summarize(newRun(lacking)));
    expect(tables.map(({ rows }) => rows.map((row) => row[1]?.text))).toEqual([["20", "19"]]);
  });

  it("are parts of their own where they differ in more, and the reader is told why", async () => {
    const notes: string[] = [];
    const runs = [newRun(records([0])), newRun(records([1]), { seed: 4 })];
    const [path = ""] = await writeReport(runs, {
      formats: ["md"],
      comparePaper: false,
      out: join(root, "docs", "results"),
      onNote: (note) => void notes.push(note),
    });
    expect(notes.join("")).toContain("seed: 0 -> 4");
    const text = readFileSync(path, "utf8");
    expect(text.match(/^## /gm)).toHaveLength(2);
    const pictures = [...text.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, file = ""]) => file);
    expect(pictures).toHaveLength(8);
    for (const file of pictures) {
      const svg = readFileSync(join(root, "docs", file), "utf8");
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      expect(svg).toContain("prefers-color-scheme: dark");
    }
  });
});

describe("the HTML report", () => {
  it("is one file that loads nothing, with names, curves and failures in it", async () => {
    const failure: RunRecord = { kind: "failure", image: "<b>.jpg", code: "DATA", message: "not an image" };
    const folder = newRun([...records(range(0, 6)), failure]);
    const [path = ""] = await writeReport([folder], { formats: ["html"], comparePaper: true });
    const html = readFileSync(path, "utf8");
    expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(html).not.toContain("<b>.jpg");
    expect(html).toContain("&#60;b&#62;.jpg: DATA: not an image");
    expect(html.match(/<svg class="chart"/g)?.length).toBeGreaterThanOrEqual(4);
    expect(html).toContain("onnx-saliency evaluate");
    expect(html).toContain("The paper&#39;s table 1: Inception_v3");
  });
});

describe("charts", () => {
  it("place points by their values", () => {
    const svg = lineChart([{ label: "a", x: [0, 1], y: [0, 1] }], { title: "t", xLabel: "x", yLabel: "y" });
    expect(svg).toContain('points="52.0,276.0 448.0,12.0"');
    expect(svg).toContain("<title>t</title>");
  });

  it("draw nothing that is no number for a flat or empty line", () => {
    const text = { title: "t", xLabel: "x", yLabel: "y" };
    expect(lineChart([{ label: "a", x: [0, 1], y: [0.5, 0.5] }], text)).not.toContain("NaN");
    expect(lineChart([{ label: "a", x: [], y: [] }], text)).not.toContain("NaN");
  });
});
