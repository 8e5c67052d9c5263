import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveFolder, type StaticServer } from "./static-server.ts";

const parent = mkdtempSync(join(tmpdir(), "onnx-saliency-server-"));
const folder = join(parent, "page");
let server: StaticServer;

beforeAll(async () => {
  mkdirSync(folder);
  writeFileSync(join(folder, "index.html"), "<p>page</p>");
  writeFileSync(join(folder, "net.wasm"), "wasm");
  writeFileSync(join(parent, "secret.txt"), "secret");
  mkdirSync(join(parent, "elsewhere"));
  writeFileSync(join(parent, "elsewhere", "net.onnx"), "model");
  server = await serveFolder(folder, { mounts: { models: join(parent, "elsewhere") } });
});
afterAll(async () => {
  await server.close();
  rmSync(parent, { recursive: true });
});

/** Asks for a path as it stands: `fetch` would tidy it. */
function ask(path: string, method = "GET"): Promise<{ status: number | undefined; body: string }> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, method }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode, body }));
    })
      .on("error", reject)
      .end();
  });
}

describe("serveFolder", () => {
  it("serves files with their types and isolates the page", async () => {
    const page = await fetch(server.url);
    expect(await page.text()).toBe("<p>page</p>");
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    const wasm = await fetch(`${server.url}net.wasm?x=1`);
    expect(wasm.headers.get("content-type")).toBe("application/wasm");
  });

  it("finds what the folder lacks where it is said to be", async () => {
    expect(await ask("/models/net.onnx")).toEqual({ status: 200, body: "model" });
  });

  it("serves nothing above the folder", async () => {
    for (const path of [
      "/../secret.txt",
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/models/../secret.txt",
      "/models/%2e%2e/secret.txt",
      "/net.onnx",
      "/%00",
      "/%zz",
      "/none",
    ]) {
      expect(await ask(path)).toEqual({ status: 404, body: "not found\n" });
    }
  });

  it("takes nothing", async () => {
    expect((await ask("/index.html", "POST")).status).toBe(404);
  });

  it("rejects if the port is taken", async () => {
    const port = Number(new URL(server.url).port);
    await expect(serveFolder(folder, { port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
