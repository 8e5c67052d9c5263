import { useState } from "preact/hooks";
import { colorMapNames, findMethod, formatValue, type SaliencyMap } from "onnx-saliency/web";
import {
  colorMap,
  colorMapOf,
  displayed,
  isSignedWanted,
  opacity,
  scaleFor,
  scaleMode,
  threshold,
} from "../state/settings.ts";
import {
  labelOf,
  photograph,
  selected,
  shownMaps,
  stage,
  target,
  targetName,
  type Photograph,
} from "../state/studio.ts";
import { Legend } from "./legend.tsx";
import { OverlayCanvas } from "./overlay-canvas.tsx";
import { WorkBar } from "./work-bar.tsx";

/** A place in the photograph, as shares of its width and height. */
interface Place {
  readonly x: number;
  readonly y: number;
}

/** The map's value at a place; `undefined` outside what the network saw. */
function valueAt(map: SaliencyMap, { placement }: Photograph, { x, y }: Place) {
  const { region, width, height } = placement;
  const column = Math.floor(((x * width - region.left) / region.width) * map.width);
  const row = Math.floor(((y * height - region.top) / region.height) * map.height);
  if (column < 0 || row < 0 || column >= map.width || row >= map.height) return undefined;
  return { column, row, value: map.values[row * map.width + column] ?? Number.NaN };
}

export function Stage() {
  const photo = photograph.value;
  const [place, setPlace] = useState<Place>();
  if (photo === undefined) return <section id="stage" class="stage card empty" aria-label="Photograph" />;
  const result = stage.value;
  const made =
    result?.kind === "done" ? result.map : result?.kind === "running" ? result.progress?.map : undefined;
  const map = made === undefined ? undefined : displayed(made);
  const method = findMethod(selected.value);
  const scale = map === undefined ? undefined : scaleFor(map, shownMaps.value);
  const read = place === undefined || map === undefined ? undefined : valueAt(map, photo, place);
  const step = (event: KeyboardEvent): void => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
      event.key
    ] ?? [0, 0];
    if (dx === 0 && dy === 0) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.1 : 0.02;
    const from = place ?? { x: 0.5, y: 0.5 };
    const clamp = (value: number): number => Math.min(0.999, Math.max(0, value));
    setPlace({ x: clamp(from.x + (dx ?? 0) * size), y: clamp(from.y + (dy ?? 0) * size) });
  };
  const words =
    map === undefined
      ? photo.name
      : `${photo.name}: ${method.title} for ${targetName(target.value)}. Arrow keys read the map's values.`;
  return (
    <section id="stage" class="stage card" aria-label="Photograph">
      <div class="head">
        <h2>
          {targetName(target.value)} <span class="faint">by {method.title}</span>
        </h2>
        <p class="faint file">
          {photo.name}, {photo.photograph.width} × {photo.photograph.height}
        </p>
      </div>
      <div
        class="picture"
        tabIndex={0}
        role="application"
        aria-label="Read the map"
        aria-describedby="reading"
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setPlace({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
        }}
        onPointerLeave={() => setPlace(undefined)}
        onBlur={() => setPlace(undefined)}
        onKeyDown={step}
        style={{ aspectRatio: `${photo.shown.width} / ${photo.shown.height}` }}
      >
        <OverlayCanvas photo={photo.shown} placement={photo.placement} map={map} label={words} />
        {place !== undefined && (
          <span
            class="cross"
            style={{ left: `${place.x * 100}%`, top: `${place.y * 100}%` }}
            aria-hidden="true"
          />
        )}
      </div>
      <div class="under">
        <p id="reading" class="reading" aria-live="polite">
          {read !== undefined && scale !== undefined ? (
            <>
              <b>{formatValue(read.value, scale.max)}</b> at {read.column}, {read.row}
              {scale.max > 0 && (
                <span class="faint"> ({Math.round((read.value / scale.max) * 100)} % of the scale)</span>
              )}
            </>
          ) : place !== undefined && map !== undefined ? (
            <span class="faint">the network does not see this part</span>
          ) : (
            <span class="faint">
              {describeScore(result?.kind === "done" ? result.record.score.probability : undefined)}
            </span>
          )}
        </p>
        {map !== undefined && scale !== undefined && <Legend colors={colorMapOf(map)} scale={scale} />}
      </div>
      <WorkBar result={result} name={method.title} />
      {result?.kind === "done" && result.map.degenerate !== undefined && (
        <p class="remark">{result.map.degenerate.message}</p>
      )}
      {result?.kind === "failed" && <p class="remark bad">{result.message}</p>}
      <Controls />
    </section>
  );
}

function describeScore(probability: number | undefined): string {
  if (probability === undefined) return "";
  const { index, minus } = target.value;
  const percent = `${(probability * 100).toFixed(1)} %`;
  return minus === undefined
    ? `probability of ${labelOf(index)}: ${percent}`
    : `what speaks for ${labelOf(index)} rather than ${labelOf(minus)}`;
}

function Controls() {
  return (
    <div class="controls">
      <label>
        <span>
          Opacity <output>{Math.round(opacity.value * 100)} %</output>
        </span>
        <input
          type="range"
          min="0"
          max="1"
          step="0.05"
          value={opacity.value}
          onInput={(event) => (opacity.value = Number(event.currentTarget.value))}
        />
      </label>
      <label>
        <span>
          Threshold <output>{Math.round(threshold.value * 100)} %</output>
        </span>
        <input
          type="range"
          min="0"
          max="0.95"
          step="0.05"
          value={threshold.value}
          onInput={(event) => (threshold.value = Number(event.currentTarget.value))}
        />
      </label>
      <label>
        <span>Colours</span>
        <select
          value={colorMap.value}
          onChange={(event) => (colorMap.value = event.currentTarget.value as typeof colorMap.value)}
        >
          <option value="auto">by kind of map</option>
          {colorMapNames.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Evidence</span>
        <select
          value={isSignedWanted.value ? "signed" : "for"}
          onChange={(event) => (isSignedWanted.value = event.currentTarget.value === "signed")}
        >
          <option value="for">for the class</option>
          <option value="signed">for and against</option>
        </select>
      </label>
      <label>
        <span>Scale</span>
        <select
          value={scaleMode.value}
          onChange={(event) => (scaleMode.value = event.currentTarget.value as typeof scaleMode.value)}
        >
          <option value="relative">each map to its top</option>
          <option value="raw">one for all maps</option>
        </select>
      </label>
    </div>
  );
}
