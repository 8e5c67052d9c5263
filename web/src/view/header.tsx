import { signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { openFiles } from "../state/files.ts";
import { device, gradientCheck, model, modelFiles, openModel } from "../state/studio.ts";
import { Camera } from "./camera.tsx";
import { isDark, toggleTheme } from "./theme.ts";

const isCameraOpen = signal(false);

export function Header() {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <header class="bar">
      <h1>
        <img src="./favicon.svg" alt="" width="22" height="22" /> onnx-saliency{" "}
        <span class="faint">studio</span>
      </h1>
      <p class="private">nothing leaves this device</p>
      <div class="spacer" />
      <Device />
      <input
        ref={chooser}
        type="file"
        multiple
        accept="image/*,.onnx,.data,.bin,.txt,.json"
        class="hidden"
        aria-label="Choose a photograph, a model, or both"
        tabIndex={-1}
        onChange={(event) => {
          const { files } = event.currentTarget;
          if (files !== null) void openFiles(files);
          event.currentTarget.value = "";
        }}
      />
      <button type="button" onClick={() => chooser.current?.click()}>
        Open files
      </button>
      <button type="button" class="quiet" onClick={() => (isCameraOpen.value = true)}>
        Camera
      </button>
      <button
        type="button"
        class="quiet icon"
        aria-label={isDark.value ? "Light colours" : "Dark colours"}
        title={isDark.value ? "Light colours" : "Dark colours"}
        onClick={toggleTheme}
      >
        <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
          {isDark.value ? (
            <path
              d="M10 6a4 4 0 1 1 0 8 4 4 0 0 1 0-8Zm0-5v3m0 12v3M1 10h3m12 0h3M3.6 3.6l2.1 2.1m8.6 8.6 2.1 2.1m0-12.8-2.1 2.1m-8.6 8.6-2.1 2.1"
              fill="none"
              stroke="currentColor"
              stroke-width="1.6"
              stroke-linecap="round"
            />
          ) : (
            <path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z" fill="currentColor" />
          )}
        </svg>
      </button>
      {isCameraOpen.value && <Camera onClose={() => (isCameraOpen.value = false)} />}
    </header>
  );
}

const deviceNames: Readonly<Record<string, string>> = { wasm: "WebAssembly", webgpu: "WebGPU" };

/** Where the network runs, whether its gradient was proven there, and why not elsewhere. */
function Device() {
  const info = model.value;
  if (info === undefined) return null;
  const check = gradientCheck.value;
  const state =
    check === undefined || check === "running"
      ? "checking"
      : check.verdict === "pass"
        ? "proven"
        : check.verdict;
  const words = {
    checking: "checking the gradient",
    proven: "gradient proven",
    inconclusive: "gradient not decided",
    fail: "gradient wrong",
  }[state];
  return (
    <details class="device">
      <summary>
        <span class={`dot ${state}`} aria-hidden="true" /> {deviceNames[info.device] ?? info.device}
        <span class="wide">, {words}</span>
      </summary>
      <div class="popover">
        <p>
          The network runs on {deviceNames[info.device] ?? info.device}
          {info.device === "wasm" &&
            (crossOriginIsolated ? ", with threads" : ", one thread (the page is not isolated)")}
          .
        </p>
        {typeof check === "object" && (
          <p>
            {check.reason}
            {Number.isFinite(check.error) &&
              ` Relative error ${check.error.toExponential(1)} along the gradient.`}
          </p>
        )}
        {info.deviceNotes.map((note) => (
          <p key={note}>{note}</p>
        ))}
        <label>
          Run on{" "}
          <select
            value={device.value}
            onChange={(event) => {
              device.value = event.currentTarget.value as "auto" | "wasm" | "webgpu";
              if (modelFiles.value !== undefined) void openModel(modelFiles.value);
            }}
          >
            <option value="auto">what is fastest and right</option>
            <option value="wasm">WebAssembly</option>
            <option value="webgpu">WebGPU</option>
          </select>
        </label>
      </div>
    </details>
  );
}
