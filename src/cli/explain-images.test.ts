import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writePhotograph, writeSmallModel } from "../../tests/support/small-model-file.ts";
import { readNpy } from "../tensor/npy.ts";
import type { CliContext } from "./cli-context.ts";
import { explainImages } from "./explain-images.ts";
import type { ExplainRequest } from "./explain-request.ts";
import type { FileRecord } from "./explanation-record.ts";

const folder = mkdtempSync(join(tmpdir(), "onnx-saliency-explain-"));
const model = join(folder, "small.onnx");
const photographs = ["a", "b", "c", "d", "e"].map((name) => join(folder, `${name}.png`));
let out = "";

beforeAll(async () => {
  writeSmallModel(model);
  await Promise.all(photographs.map((path, seed) => writePhotograph(path, seed)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "onnx-saliency-explain-out-"));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

function recordedContext() {
  const lines: string[] = [];
  const notes: string[] = [];
  let interrupt = (): boolean => false;
  const context: CliContext = {
    signal: new AbortController().signal,
    onFirstInterrupt: (finish) => {
      interrupt = finish;
    },
    onInterrupt: () => undefined,
    print: (line) => lines.push(line),
    note: (line) => notes.push(line),
  };
  return { context, lines, notes, interrupt: () => interrupt() };
}

async function explained(
  request: Partial<ExplainRequest>,
  context = recordedContext(),
): Promise<readonly FileRecord[]> {
  const whole: ExplainRequest = {
    images: photographs.slice(0, 1),
    model,
    methods: ["i-gos"],
    targets: ["0"],
    parameters: [],
    out,
    seed: 0,
    threads: 1,
    preprocess: "imagenet",
    ...request,
  };
  await explainImages(whole, { json: true, quiet: false }, context.context);
  return context.lines.map((line) => JSON.parse(line) as FileRecord);
}

function mapOf({ files }: FileRecord): readonly number[] {
  return Array.from(readNpy(readFileSync(files.map)).data as Float32Array);
}

/** Weights under which the mask of the small network moves. */
const light = ["i-gos.l1Weight=0.01", "i-gos.tvWeight=0.01", "i-gos.size=4"];
const quick = [...light, "i-gos.iterations=3", "i-gos.steps=4"];

describe("several images and classes at once", () => {
  it("give the maps, counts and order that they give one by one", async () => {
    const request = { methods: ["i-gos", "rise"], parameters: [...quick, "rise.masks=40"] };
    const together = await explained({ ...request, images: photographs, targets: ["0,3"] });
    const maps = together.map(mapOf);
    const alone: FileRecord[] = [];
    const aloneMaps: (readonly number[])[] = [];
    for (const image of photographs) {
      for (const target of ["0", "3"]) {
        const records = await explained({ ...request, images: [image], targets: [target] });
        alone.push(...records);
        aloneMaps.push(...records.map(mapOf));
      }
    }
    const facts = ({ image, method, target, counts }: FileRecord) => ({ image, method, target, counts });
    expect(together.map(facts)).toEqual(alone.map(facts));
    // Where blurring raises the score, a mask stays as it is: not all have moved, but most.
    const moved = maps.filter((values) => new Set(values).size > 4);
    expect(moved.length).toBeGreaterThan(12);
    // Bit for bit: the rows of a batch of this network do not depend on each other.
    expect(maps).toEqual(aloneMaps);
  });

  it("report an image that cannot be read and go on", async () => {
    const broken = join(folder, "broken.png");
    writeFileSync(broken, "no image");
    const context = recordedContext();
    const images = [photographs[0]!, broken, photographs[1]!];
    await expect(explained({ images, parameters: quick }, context)).rejects.toThrow(
      /1 of 3 images could not be explained/,
    );
    expect(context.notes).toEqual([expect.stringContaining("broken.png") as string]);
    expect(context.lines).toHaveLength(2);
  });
});

describe("a budget", () => {
  it("ends a method early, with the best map so far marked as unfinished", async () => {
    const parameters = [...light, "i-gos.iterations=50", "i-gos.steps=4"];
    const [record] = await explained({ parameters, budget: { evaluations: 20 } });
    expect(record?.unfinished?.total).toBe(50);
    expect(record?.unfinished?.done).toBeGreaterThan(0);
    expect(record?.unfinished?.done).toBeLessThan(10);
    expect(mapOf(record!).some((value) => value > 0)).toBe(true);
    const [inTime] = await explained({
      parameters: ["iterations=10000", "steps=4"],
      budget: { seconds: 0.3 },
    });
    expect(inTime?.unfinished?.total).toBe(10_000);
  });
});

describe("watching", () => {
  it("writes frames, film, loss history and curves, and says where they are", async () => {
    const parameters = ["iterations=100", "steps=2", "size=4"];
    const [record] = await explained({ parameters, frames: true, plot: true, evaluate: true });
    const { files, evaluation } = record!;
    const frames = readdirSync(files.frames ?? "").sort();
    expect(frames[0]).toBe("000.png");
    expect(frames.length).toBeGreaterThan(30);
    expect(frames.length).toBeLessThanOrEqual(60);
    const film = await sharp(files.animation, { animated: true }).metadata();
    expect(film.pages).toBeGreaterThan(1);
    expect(film.pages).toBeLessThanOrEqual(frames.length);
    expect(readFileSync(files.plot?.svg ?? "", "utf8")).toContain("<title>objective</title>");
    expect((await sharp(files.plot?.png).metadata()).width).toBe(800);
    for (const { auc, curve } of [evaluation!.deletion, evaluation!.insertion]) {
      expect(auc).toBeGreaterThan(0);
      expect(auc).toBeLessThan(1);
      expect([curve.x[0], curve.x.at(-1)]).toEqual([0, 1]);
    }
    expect(record?.details?.["history"]).toHaveLength(100);
    expect(readdirSync(out).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("replaces the frames of an earlier, longer film", async () => {
    const film = (iterations: number) =>
      explained({ parameters: [`iterations=${iterations}`, "steps=2", "size=4"], frames: true });
    await film(9);
    const [record] = await film(3);
    expect(readdirSync(record?.files.frames ?? "").sort()).toEqual([
      "000.png",
      "001.png",
      "002.png",
      "003.png",
    ]);
  });

  it("says which methods have nothing to show", async () => {
    const context = recordedContext();
    const [record] = await explained({ methods: ["grad-cam"], frames: true, plot: true }, context);
    expect(context.notes).toEqual([
      "--frames: grad-cam has no intermediate maps.",
      "--plot: grad-cam has no loss history.",
    ]);
    expect(record?.files).not.toHaveProperty("frames");
    expect(readdirSync(out)).toHaveLength(3);
  });
});

describe("the first interrupt", () => {
  it("writes the map that there is, marked as unfinished, and no further image", async () => {
    const context = recordedContext();
    const methods = ["grad-cam", "i-gos"];
    const parameters = ["i-gos.iterations=2000", "i-gos.steps=2"];
    const running = explained({ methods, parameters, images: photographs, frames: true }, context);
    const frame = join(out, "a.i-gos.0.frames", "001.png");
    const answer = new Promise<boolean>((resolve) => {
      const timer = setInterval(() => {
        if (!existsSync(frame)) return;
        clearInterval(timer);
        resolve(context.interrupt());
      }, 10);
    });
    await expect(running).rejects.toThrow(/Interrupted/);
    expect(await answer).toBe(true);
    const records = context.lines.map((line) => JSON.parse(line) as FileRecord);
    const [first, second] = records;
    expect([first?.method, second?.method]).toEqual(["grad-cam", "i-gos"]);
    expect(first?.unfinished).toBeUndefined();
    expect(second?.unfinished?.total).toBe(2000);
    expect(records.map(({ image }) => image)).not.toContain(photographs[4]);
  });
});
