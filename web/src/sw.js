// Keeps the page for times without a network, and isolates it where the host does not, so that WebAssembly may use threads.
const files = __FILES__;
const cacheName = `onnx-saliency-studio-${__BUILD__}`;

self.addEventListener("install", (event) => {
  event.waitUntil(keepAll().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOthers().then(() => self.clients.claim()));
});

async function keepAll() {
  const cache = await caches.open(cacheName);
  await cache.addAll(["./", ...files]);
}

async function dropOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith("onnx-saliency-studio-") && name !== cacheName) await caches.delete(name);
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || !url.href.startsWith(registration.scope)) return;
  event.respondWith(respond(request));
});

async function respond(request) {
  const cache = await caches.open(cacheName);
  // The files of the build belong together; a new build has a cache of its own.
  const kept = await cache.match(request, { ignoreSearch: true });
  const isPage = request.mode === "navigate";
  if (kept && !isPage) return isolated(kept);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return isolated(response);
  } catch (error) {
    if (kept) return isolated(kept);
    throw error;
  }
}

function isolated(response) {
  if (response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
