import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import type { AddressInfo } from "node:net";

const contentTypes: Readonly<Record<string, string>> = {
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
  ".webmanifest": "application/manifest+json",
};

/** A server of the files of one folder. */
export interface StaticServer {
  /** The page's address, ends in `/`. */
  readonly url: string;
  close(): Promise<void>;
}

export interface StaticServerOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default `127.0.0.1`: only this machine. */
  readonly host?: string;
  /** True (default) sends the headers that isolate the page, so that WebAssembly may use threads. */
  readonly isIsolated?: boolean;
}

/** Serves the files of a folder, and nothing above it. Rejects if the port is taken. */
export async function serveFolder(folder: string, options: StaticServerOptions = {}): Promise<StaticServer> {
  const { port = 0, host = "127.0.0.1", isIsolated = true } = options;
  const isolation = isIsolated
    ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
    : {};
  const server = createServer((request, response) => {
    const file =
      request.method === "GET" || request.method === "HEAD" ? find(folder, request.url) : undefined;
    if (file === undefined) {
      response.writeHead(404, { "Content-Type": "text/plain", ...isolation }).end("not found\n");
      return;
    }
    response.writeHead(200, {
      "Content-Type": contentTypes[extname(file.path)] ?? "application/octet-stream",
      "Content-Length": file.size,
      "Cache-Control": "no-cache",
      "Cross-Origin-Resource-Policy": "same-origin",
      ...isolation,
    });
    if (request.method === "HEAD") response.end();
    else createReadStream(file.path).pipe(response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shown = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${shown}:${address.port}/`, close: () => closeServer(server) };
}

function find(folder: string, address = "/"): { readonly path: string; readonly size: number } | undefined {
  let name: string;
  try {
    name = decodeURIComponent(address.split("?")[0] ?? "/");
  } catch {
    return undefined;
  }
  if (name.includes("\0")) return undefined;
  const path = normalize(join(folder, name.endsWith("/") ? `${name}index.html` : name));
  if (!path.startsWith(normalize(folder) + sep)) return undefined;
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? { path, size: stats.size } : undefined;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
