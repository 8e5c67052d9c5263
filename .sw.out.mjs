import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join, normalize, sep } from "node:path";
import { chromium } from "playwright-core";
import { createServer } from "node:http";
// tests/browser/chromium.ts
/** The browser that `scripts/test.sh` found, or Debian's. */
const executablePath = [process.env["CHROMIUM_PATH"], "/usr/bin/chromium"].find((path) => path !== void 0 && path !== "" && existsSync(path));
/** Starts Chromium without a window and without anything that would talk to the network by itself. */
async function openBrowser(options = {}) {
	if (executablePath === void 0) throw new Error("The browser tests need Chromium: install it, or set CHROMIUM_PATH.");
	const profile = mkdtempSync(join(tmpdir(), "onnx-saliency-browser-"));
	const context = await chromium.launchPersistentContext(profile, {
		executablePath,
		headless: true,
		viewport: options.viewport ?? {
			width: 1280,
			height: 900
		},
		args: [
			"--no-sandbox",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
			...options.args ?? ["--disable-gpu"]
		]
	});
	return {
		context,
		async close() {
			await context.close();
			rmSync(profile, {
				recursive: true,
				force: true
			});
		}
	};
}
// src/cli/static-server.ts
const contentTypes = {
	".css": "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".ico": "image/x-icon",
	".jpg": "image/jpeg",
	".js": "text/javascript; charset=utf-8",
	".json": "application/json; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8",
	".png": "image/png",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm",
	".webmanifest": "application/manifest+json"
};
/** Serves the files of a folder, and nothing above it. Rejects if the port is taken. */
async function serveFolder(folder, options = {}) {
	const { port = 0, host = "127.0.0.1", isIsolated = true } = options;
	const isolation = isIsolated ? {
		"Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Embedder-Policy": "require-corp"
	} : {};
	const server = createServer((request, response) => {
		const file = request.method === "GET" || request.method === "HEAD" ? find(folder, request.url) : void 0;
		if (file === void 0) {
			response.writeHead(404, {
				"Content-Type": "text/plain",
				...isolation
			}).end("not found\n");
			return;
		}
		response.writeHead(200, {
			"Content-Type": contentTypes[extname(file.path)] ?? "application/octet-stream",
			"Content-Length": file.size,
			"Cache-Control": "no-cache",
			"Cross-Origin-Resource-Policy": "same-origin",
			...isolation
		});
		if (request.method === "HEAD") response.end();
		else createReadStream(file.path).pipe(response);
	});
	await new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, resolve);
	});
	const address = server.address();
	return {
		url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}/`,
		close: () => closeServer(server)
	};
}
function find(folder, address = "/") {
	let name;
	try {
		name = decodeURIComponent(address.split("?")[0] ?? "/");
	} catch {
		return;
	}
	if (name.includes("\0")) return void 0;
	const path = normalize(join(folder, name.endsWith("/") ? `${name}index.html` : name));
	if (!path.startsWith(normalize(folder) + sep)) return void 0;
	const stats = statSync(path, { throwIfNoEntry: false });
	return stats?.isFile() === true ? {
		path,
		size: stats.size
	} : void 0;
}
function closeServer(server) {
	return new Promise((resolve) => {
		server.close(() => resolve());
		server.closeAllConnections();
	});
}
// .sw.ts
const server = await serveFolder("dist/studio");
const b = await openBrowser();
b.context.on("serviceworker", (w) => {
	console.log("sw", w.url());
	w.on?.("console", (m) => console.log(m.text()));
});
const p = await b.context.newPage();
p.on("console", (m) => console.log(m.text()));
p.on("requestfailed", (r) => console.log("failed", r.url(), r.failure()?.errorText));
p.on("response", (r) => {
	if (r.status() >= 400) console.log(r.status(), r.url());
});
await p.goto(server.url);
await p.waitForSelector(".stage .legend");
console.log(await p.evaluate(async () => {
	try {
		const r = await navigator.serviceWorker.register("./sw.js");
		await new Promise((f) => setTimeout(f, 8e3));
		return JSON.stringify({
			i: r.installing?.state,
			w: r.waiting?.state,
			a: r.active?.state,
			keys: await caches.keys(),
			n: (await (await caches.open((await caches.keys())[0] ?? "x")).keys()).map((k) => k.url)
		});
	} catch (e) {
		return String(e);
	}
}));
await b.close();
await server.close();
export {};
