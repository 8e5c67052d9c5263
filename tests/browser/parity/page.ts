import type { ParityAnswer } from "./cases.ts";

// All in a worker, as in the page.
const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

window.runParity = (request) =>
  new Promise((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<{ answer?: ParityAnswer; error?: string }>) => {
      const { answer, error } = event.data;
      if (answer === undefined) reject(new Error(error ?? "the worker gave no answer"));
      else resolve(answer);
    };
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(request);
  });
