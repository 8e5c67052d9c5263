import { render } from "preact";
import { effect } from "@preact/signals";
import { openEmbedded } from "./state/embedded.ts";
import { proveGradient, stage, startQueue } from "./state/studio.ts";
import { App } from "./view/app.tsx";

render(<App />, document.getElementById("app") ?? document.body);
startQueue();
void openEmbedded();

// What can wait until the first map is there: the proof of the gradient, and keeping the page for times without a network.
const stopWaiting = effect(() => {
  if (stage.value?.kind !== "done") return;
  queueMicrotask(() => stopWaiting());
  if (import.meta.env.MODE === "production" && "serviceWorker" in navigator) {
    navigator.serviceWorker.register("./sw.js").catch(() => undefined);
  }
});
effect(() => {
  if (stage.value?.kind === "done") void proveGradient();
});
