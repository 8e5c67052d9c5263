import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { openFiles } from "../state/files.ts";
import { activity, photograph, problem } from "../state/studio.ts";
import { Classes } from "./classes.tsx";
import { Compare } from "./compare.tsx";
import { Erase } from "./erase.tsx";
import { Export } from "./export.tsx";
import { Header } from "./header.tsx";
import { MethodPanel } from "./method-panel.tsx";
import { Optimise } from "./optimise.tsx";
import { Outline } from "./outline.tsx";
import { Removal } from "./removal.tsx";
import { Stage } from "./stage.tsx";
import { Tabs } from "./tabs.tsx";

const isDragged = signal(false);

export function App() {
  useEffect(() => listenForFiles(), []);
  return (
    <>
      <a class="skip" href="#stage">
        Skip to the photograph
      </a>
      <Header />
      <Notices />
      <main aria-busy={activity.value !== undefined}>
        <div class="top">
          <Stage />
          <aside class="side" aria-label="Prediction and method">
            <Classes />
            <MethodPanel />
          </aside>
        </div>
        {photograph.value !== undefined && (
          <Tabs
            label="Tools"
            tabs={[
              { id: "compare", title: "Compare", body: Compare },
              { id: "optimise", title: "Watch it optimise", body: Optimise },
              { id: "removal", title: "Remove and add", body: Removal },
              { id: "erase", title: "Erase", body: Erase },
              { id: "model", title: "Model", body: Outline },
              { id: "export", title: "Request and export", body: Export },
            ]}
          />
        )}
      </main>
      <footer>
        <p>
          Everything is computed on this device: models and photographs never leave it. Drop, paste or choose
          files anywhere on the page.
        </p>
        <p class="faint">onnx-saliency {__VERSION__}</p>
      </footer>
      {isDragged.value && (
        <div class="drop" aria-hidden="true">
          <p>Drop a photograph, an .onnx model, or both</p>
        </div>
      )}
    </>
  );
}

function Notices() {
  return (
    <div class="notices">
      <div role="status" class="status">
        {activity.value !== undefined && (
          <p>
            <span class="spinner" aria-hidden="true" /> {activity.value} …
          </p>
        )}
      </div>
      <div role="alert">
        {problem.value !== undefined && (
          <div class="problem">
            <p>{problem.value}</p>
            <button type="button" class="quiet" onClick={() => (problem.value = undefined)}>
              Close
            </button>
          </div>
        )}
      </div>
    </div>
  );
}

/** Dropping and pasting works everywhere on the page. */
function listenForFiles(): () => void {
  let depth = 0;
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
  const controller = new AbortController();
  const { signal } = controller;
  const listen = <Name extends keyof WindowEventMap>(
    name: Name,
    handle: (event: WindowEventMap[Name]) => void,
  ): void => window.addEventListener(name, handle, { signal });
  listen("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth++;
    isDragged.value = true;
  });
  listen("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) isDragged.value = false;
  });
  listen("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  listen("drop", (event) => {
    depth = 0;
    isDragged.value = false;
    if (!hasFiles(event)) return;
    event.preventDefault();
    void openFiles(event.dataTransfer?.files ?? []);
  });
  listen("paste", (event) => {
    const files = event.clipboardData?.files;
    if (files === undefined || files.length === 0) return;
    event.preventDefault();
    void openFiles(files);
  });
  return () => controller.abort();
}
