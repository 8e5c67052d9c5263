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
  /** Folders by the first part of the addresses whose files they have if the served folder does not. */
  readonly mounts?: Readonly<Record<string, string>>;
}

/** Serves the files of a folder, and nothing above it. Rejects if the port is taken. */
export async function serveFolder(folder: string, options: StaticServerOptions = {}): Promise<StaticServer> {
  const { port = 0, host = "127.0.0.1", isIsolated = true, mounts = {} } = options;
  const isolation = isIsolated
    ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
    : {};
  const server = createServer((request, response) => {
    const file =
      request.method === "GET" || request.method === "HEAD" ? find(folder, mounts, request.url) : undefined;
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

/** The file that an address means, in the first of the folders that has it. */
function find(
  folder: string,
  mounts: Readonly<Record<string, string>>,
  address = "/",
): { readonly path: string; readonly size: number } | undefined {
  let name: string;
  try {
    name = decodeURIComponent(address.split("?")[0] ?? "/");
  } catch {
    return undefined;
  }
  if (name.includes("\0")) return undefined;
  const places = [
    { root: folder, rest: name },
    ...Object.entries(mounts)
      .filter(([prefix]) => name.startsWith(`/${prefix}/`))
      .map(([prefix, root]) => ({ root, rest: name.slice(prefix.length + 1) })),
  ];
  for (const { root, rest } of places) {
    const path = normalize(join(root, rest.endsWith("/") ? `${rest}index.html` : rest));
    if (!path.startsWith(normalize(root) + sep)) continue;
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() === true) return { path, size: stats.size };
  }
  return undefined;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
