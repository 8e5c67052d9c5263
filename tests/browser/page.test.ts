import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveFolder, type StaticServer } from "../../src/cli/static-server.ts";
import { explain } from "../../src/methods/explain.ts";
import { loadImage, loadModel } from "../../src/node.ts";
import { readModelFile } from "../../src/runtime/model-file-node.ts";
import { writeModelFile } from "../../src/runtime/write-model-node.ts";
import { readNpyFloat32 } from "../../src/tensor/npy.ts";
import { relativeError } from "../support/shared-models.ts";
import {
  convolution,
  pooledClassifier,
  randomTensor,
  smallConvolutionalModel,
  smallModel,
} from "../support/small-model.ts";
import { openBrowser, type Browser } from "./chromium.ts";

const examples = join(import.meta.dirname, "../../examples");
const folder = mkdtempSync(join(tmpdir(), "onnx-saliency-page-"));
const smallModelPath = join(folder, "small.onnx");
let server: StaticServer;
let browser: Browser;

beforeAll(async () => {
  await build({
    configFile: join(import.meta.dirname, "../../web/vite.config.ts"),
    logLevel: "error",
    build: { outDir: join(folder, "studio"), emptyOutDir: true, reportCompressedSize: false },
  });
  const small = smallConvolutionalModel();
  await writeModelFile(smallModelPath, small.onnx);
  await small.close();
  // Weights below a kilobyte stay in the model; these do not.
  const wide = smallModel([3, 16, 16], (g, x) => {
    const features = g.unary("Relu", convolution(g, x, randomTensor([32, 3, 3, 3], 0.4, 1)));
    return pooledClassifier(g, features, randomTensor([5, 32], 0.3, 3));
  });
  await writeModelFile(join(folder, "whole.onnx"), wide.onnx);
  await writeModelFile(join(folder, "split.onnx"), readModelFile(join(folder, "whole.onnx")), {
    externalData: "always",
  });
  await wide.close();
  server = await serveFolder(join(folder, "studio"));
  browser = await openBrowser({
    args: ["--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
  });
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a page did that nobody should see: messages on the console, errors, requests to anywhere else. */
const trouble: string[] = [];

async function openStudio(): Promise<Page> {
  const page = await browser.context.newPage();
  page.on("console", (message) => trouble.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => trouble.push(error.message));
  page.on("request", (request) => {
    const { url } = { url: request.url() };
    if (!url.startsWith(server.url) && !/^(blob|data):/.test(url)) trouble.push(`request to ${url}`);
  });
  await page.goto(server.url);
  await page.locator(".stage .legend").waitFor({ timeout: 60_000 });
  return page;
}

async function drop(page: Page, paths: readonly string[]): Promise<void> {
  const files = paths.map((path) => ({
    name: basename(path),
    base64: readFileSync(path).toString("base64"),
  }));
  await page.evaluate((dropped) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of dropped) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const type = name.endsWith(".png") ? "image/png" : "";
      transfer.items.add(new File([bytes], name, { type }));
    }
    window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, files);
}

const heading = (page: Page) => page.locator(".stage h2");
const alert = (page: Page) => page.locator(".problem");

async function settled(page: Page): Promise<void> {
  await page.locator(".stage .legend").waitFor({ timeout: 60_000 });
  await page.waitForFunction(() => document.querySelectorAll(".tile .work, .stage .work").length === 0);
}

// One visit from its beginning to its end: later tests find the page as earlier ones left it.
describe("the page", () => {
  let page: Page;
  beforeAll(async () => {
    page = await openStudio();
  });

  it("opens with the embedded model and a photograph already explained, and proves its gradient", async () => {
    expect(await heading(page).textContent()).toBe("tiger cat by Grad-CAM");
    expect(await page.locator(".classes li").count()).toBe(5);
    await page.locator(".dot.proven").waitFor({ timeout: 60_000 });
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  });

  it("reads values with the pointer and the arrow keys", async () => {
    await page.locator(".picture").hover();
    await page.locator("#reading", { hasText: /at \d+, \d+/ }).waitFor();
    await page.mouse.move(0, 0);
    await page.locator(".picture").focus();
    await page.keyboard.press("ArrowLeft");
    await page.locator("#reading", { hasText: /at \d+, \d+/ }).waitFor();
    expect(await page.locator("#reading").textContent()).toContain("of the scale");
  });

  it("removes and adds pixels with the slider, and draws both curves", async () => {
    await settled(page);
    await page.getByRole("tab", { name: "Remove and add" }).click();
    const slider = page.getByLabel("Share of the pixels");
    const score = page.locator(".score b");
    const at = async (share: string): Promise<number> => {
      const before = await page.locator(".score b").textContent();
      await slider.fill(share);
      await page.waitForFunction((old) => {
        const now = document.querySelector(".score b")?.textContent;
        return now !== old && now?.endsWith("%") === true;
      }, before);
      return Number.parseFloat((await score.textContent()) ?? "");
    };
    await score.filter({ hasText: "%" }).waitFor();
    const whole = await at("0");
    expect(whole).toBeCloseTo(40.2, 0);
    expect(await at("1")).toBeLessThan(10);
    await page.locator(".key").waitFor({ timeout: 60_000 });
    const areas = await page.locator(".key b").allTextContents();
    expect(Number(areas[0])).toBeLessThan(Number(areas[1]));
  });

  it("erases what is painted, by pointer and by keyboard", async () => {
    await settled(page);
    await page.getByRole("tab", { name: "Erase" }).click();
    const board = page.locator(".paint");
    await board.locator("canvas").waitFor();
    await board.scrollIntoViewIfNeeded();
    const box = await board.boundingBox();
    if (box === null) throw new Error("the board is not on the page");
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.6, { steps: 5 });
    await page.mouse.up();
    const cell = page.locator(".before-after .chosen td").nth(1);
    await cell.filter({ hasText: "%" }).waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await cell.textContent()).toBe("");
    await board.focus();
    await page.keyboard.press("Space");
    await cell.filter({ hasText: "%" }).waitFor();
  });

  it("explains another layer of the outline", async () => {
    await settled(page);
    await page.getByRole("tab", { name: "Model" }).click();
    const chosen = page.locator(".layer[aria-pressed=true]");
    const before = await chosen.getAttribute("aria-label");
    await page.getByRole("group", { name: "Layers of 14 × 14 places" }).getByRole("button").last().click();
    await settled(page);
    expect(await chosen.getAttribute("aria-label")).not.toBe(before);
    expect(await chosen.count()).toBe(1);
    await page.getByRole("button", { name: "Back to the default layer" }).click();
    await settled(page);
    expect(await chosen.getAttribute("aria-label")).toBe(before);
  });

  it("exports the picture, the values, the record and the comparison, which read back", async () => {
    await settled(page);
    await page.getByRole("tab", { name: "Request and export" }).click();
    const saved = async (name: string, at = 0): Promise<{ name: string; bytes: Buffer }> => {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name }).nth(at).click(),
      ]);
      return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
    };
    const picture = await saved("Picture (.png)");
    expect(picture.name).toBe("chelsea.grad-cam.282.png");
    expect((await sharp(picture.bytes).metadata()).width).toBeGreaterThan(600);

    const values = readNpyFloat32(new Uint8Array((await saved("Values (.npy)")).bytes));
    const model = await loadModel();
    const { input } = await loadImage(join(examples, "chelsea.png"), model);
    const { map } = await explain({ model, input, method: "grad-cam", target: 282 });
    await model.close();
    expect(values.dims).toEqual([224, 224]);
    expect(relativeError(values.data, map.values)).toBeLessThan(1e-4);

    const record: unknown = JSON.parse((await saved("Record (.json)")).bytes.toString());
    expect(record).toMatchObject({
      image: "chelsea.png",
      method: "grad-cam",
      target: { index: 282 },
      seed: 0,
    });

    const html = (await saved("Page (.html)")).bytes.toString();
    expect(html.match(/src="data:image\/png;base64,/g)).toHaveLength(4);
    expect(html).not.toMatch(/(?:src|href)="http/);

    expect(await page.getByLabel("The command", { exact: true }).textContent()).toBe(
      "npx onnx-saliency explain chelsea.png --method grad-cam,layer-cam,guided-backprop,input-x-gradient --target 282",
    );
    const request: unknown = JSON.parse(
      (await page.getByLabel("The request", { exact: true }).textContent()) ?? "",
    );
    expect(request).toMatchObject({ images: ["chelsea.png"], targets: ["282"], seed: 0 });
  });

  it("explains another class, compares two, and finds one by name", async () => {
    await page
      .getByRole("button", { name: "Explain tabby" })
      .or(page.locator(".class", { hasText: "tabby" }))
      .first()
      .click();
    expect(await heading(page).textContent()).toContain("tabby by");
    await page.getByRole("button", { name: "Compare tabby against lynx" }).click();
    expect(await heading(page).textContent()).toContain("tabby against lynx");
    await settled(page);
    await page.getByLabel("Explain another class").fill("tabbby");
    await page.getByRole("button", { name: "Explain", exact: true }).click();
    expect(await page.locator(".classes [role=alert]").textContent()).toContain("tabby");
    await page.getByLabel("Explain another class").fill("goldfish");
    await page.keyboard.press("Enter");
    expect(await heading(page).textContent()).toContain("goldfish by");
  });

  it("shows what the network sees when pixels are prepared in other ways", async () => {
    await page.locator("summary", { hasText: "Pixels" }).click();
    const candidates = page.locator(".candidates li");
    await candidates.filter({ hasText: "caffe-bgr" }).waitFor();
    expect(await candidates.first().textContent()).toContain("tiger cat");
    expect(await candidates.count()).toBeGreaterThan(4);
    await page.locator("summary", { hasText: "Pixels" }).click();
  });

  it("shows SIGCAM at work, pauses, goes on, and stops half-way", async () => {
    await settled(page);
    await page.getByRole("tab", { name: "Watch it optimise" }).click();
    const course = page.locator(".course");
    await page.getByRole("button", { name: "Start" }).click();
    await course.filter({ hasText: /Iteration [1-9]/ }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    const iteration = async (): Promise<number> => {
      const words = await course.textContent();
      expect(words).toContain("Paused after iteration");
      return Number(/iteration (\d+)/.exec(words ?? "")?.[1]);
    };
    const paused = await iteration();
    await page.waitForTimeout(4000);
    // The run that was under way may still report; nothing may start after it.
    const later = await iteration();
    expect(later - paused).toBeLessThanOrEqual(1);
    await page.waitForTimeout(3000);
    expect(await iteration()).toBe(later);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Stop here" }).click();
    await course.filter({ hasText: /Stopped after \d+ of \d+ iterations/ }).waitFor();
    expect(await heading(page).textContent()).toContain("by SIGCAM");
    await page.locator("#tab-compare").click();
    await page.locator(".method select").selectOption("grad-cam");
    await page.getByRole("button", { name: "Remove SIGCAM" }).click();
  });

  it("explains a photograph and a model that are dropped, and says what other files are", async () => {
    await drop(page, [join(examples, "coffee.png")]);
    await page.locator(".file", { hasText: "coffee.png" }).waitFor();
    await settled(page);
    expect(await heading(page).textContent()).toContain("espresso by");
    await drop(page, [smallModelPath]);
    await page.locator(".class", { hasText: "class 4" }).waitFor();
    await settled(page);
    expect(await page.locator(".file").textContent()).toContain("coffee.png");
    expect(await page.locator(".classes").textContent()).toContain("names no classes");
  });

  it("shows SIGCAM to its end with a falling objective", async () => {
    await page.getByRole("tab", { name: "Watch it optimise" }).click();
    await page.getByRole("button", { name: "Start" }).click();
    await page.locator(".course", { hasText: "Finished after" }).waitFor({ timeout: 60_000 });
    expect(await page.locator(".chart").getAttribute("aria-label")).toMatch(
      /^The objective over \d+ iterations/,
    );
  });

  it("asks for the data file of a model and goes on when it comes", async () => {
    await drop(page, [join(folder, "split.onnx")]);
    await alert(page).filter({ hasText: "split.onnx.data" }).waitFor();
    await drop(page, [join(folder, "split.onnx.data")]);
    await page.locator(".class", { hasText: "class 4" }).waitFor();
    await settled(page);
    expect(await alert(page).count()).toBe(0);
  });

  it("fits screens from phone to wide, in light and dark, with every tab", async () => {
    const tooWide: string[] = [];
    for (const [width, height] of [
      [360, 780],
      [768, 1024],
      [1440, 900],
    ] as const) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const tab of await page.getByRole("tab").all()) {
          await tab.click();
          const excess = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          if (excess > 0) tooWide.push(`${await tab.textContent()} at ${width}: ${excess} pixels`);
        }
      }
    }
    expect(tooWide).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByRole("tab", { name: "Compare" }).click();
  });

  it("takes a picture with the camera, and one from the clipboard", async () => {
    await page.getByRole("button", { name: "Camera" }).click();
    await page.waitForFunction(() => (document.querySelector("video")?.videoWidth ?? 0) > 0);
    await page.getByRole("button", { name: "Take the picture" }).click();
    await page.locator(".file", { hasText: "camera.png" }).waitFor();
    await settled(page);
    const base64 = readFileSync(join(examples, "chelsea.png")).toString("base64");
    await page.evaluate((text) => {
      const clipboardData = new DataTransfer();
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      clipboardData.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
      window.dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
    }, base64);
    await page.locator(".file", { hasText: "pasted.png, 451 × 300" }).waitFor();
    await settled(page);
    expect(await alert(page).count()).toBe(0);
  });

  it("refuses wrong files in words and stays as it was", async () => {
    const before = await heading(page).textContent();
    await drop(page, [join(import.meta.dirname, "../../LICENSE")]);
    await alert(page).filter({ hasText: "LICENSE: expected a photograph" }).waitFor();
    await page.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["<!doctype html><p>404"], "net.onnx"));
      window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
    });
    await alert(page).filter({ hasText: "a web page. The download was redirected" }).waitFor();
    await page.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["no picture"], "broken.png", { type: "image/png" }));
      window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
    });
    await alert(page).filter({ hasText: "broken.png: expected an image" }).waitFor();
    expect(await heading(page).textContent()).toBe(before);
  });

  it("works offline after the first visit", async () => {
    await page.goto("about:blank");
    await page.goto(server.url);
    await page.locator(".stage .legend").waitFor({ timeout: 60_000 });
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    await browser.context.setOffline(true);
    try {
      await page.reload();
      await page.locator(".stage .legend").waitFor({ timeout: 60_000 });
      expect(await heading(page).textContent()).toBe("tiger cat by Grad-CAM");
    } finally {
      await browser.context.setOffline(false);
    }
    await page.close();
  });

  it("wrote nothing to the console, failed nowhere, and asked nobody else for anything", () => {
    expect(trouble).toEqual([]);
  });
});

describe("the element", () => {
  it("explains in a page of 20 lines", async () => {
    const source = readFileSync(join(import.meta.dirname, "../../web/widget.html"), "utf8");
    expect(source.trim().split("\n").length).toBeLessThanOrEqual(20);
    const page = await browser.context.newPage();
    await page.goto(`${server.url}widget.html`);
    await page.locator("onnx-saliency figcaption").waitFor({ timeout: 60_000 });
    expect(await page.locator("onnx-saliency figcaption").textContent()).toMatch(/^tabby, \d/);
    const failed = await page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const element = document.querySelector("onnx-saliency");
          element?.addEventListener("failed", (event) =>
            resolve((event as CustomEvent<{ message: string }>).detail.message),
          );
          element?.setAttribute("method", "grad-cm");
        }),
    );
    expect(failed).toContain("grad-cam");
    await page.close();
  });
});
