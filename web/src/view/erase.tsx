import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { CompositeInfo, Fill } from "../engine/protocol.ts";
import { engine, labelOf, messageOf, model, photograph, problem, ranking, target } from "../state/studio.ts";
import { formatPercent } from "./classes.tsx";
import { createLatest } from "./latest.ts";
import { Picture } from "./picture.tsx";

const fill = signal<Fill>("blur");
const brush = signal(0.12);
const after = signal<CompositeInfo | undefined>(undefined);
/** One byte a pixel of the network's input, 1 where erased. A new array for every change. */
const mask = signal(new Uint8Array(0));
const cursor = signal<{ readonly x: number; readonly y: number } | undefined>(undefined);

const look = createLatest(
  (ask: { mask: Uint8Array; fill: Fill }) => engine.call("erase", ask),
  (answer) => (after.value = answer),
  (error) => (problem.value = messageOf(error)),
);

/** The mask with a disc added (or taken back) at a place given in shares of width and height. */
function withDisc(
  from: Uint8Array,
  size: { readonly width: number; readonly height: number },
  at: { readonly x: number; readonly y: number },
  diameter: number,
  value: 0 | 1,
): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(from);
  const radius = (diameter * Math.min(size.width, size.height)) / 2;
  const [centerX, centerY] = [at.x * size.width, at.y * size.height];
  for (let y = Math.max(0, Math.floor(centerY - radius)); y < Math.min(size.height, centerY + radius); y++) {
    for (let x = Math.max(0, Math.floor(centerX - radius)); x < Math.min(size.width, centerX + radius); x++) {
      if ((x + 0.5 - centerX) ** 2 + (y + 0.5 - centerY) ** 2 <= radius ** 2)
        next[y * size.width + x] = value;
    }
  }
  return next;
}

/** Paint over a part of the photograph and see what the network makes of the rest. */
export function Erase() {
  const info = model.value;
  const photo = photograph.value;
  const isPainting = useRef(false);
  const isEmpty = !mask.value.includes(1);
  useEffect(() => {
    if (info !== undefined) mask.value = new Uint8Array(info.width * info.height);
  }, [info, photo?.key]);
  useEffect(() => {
    if (info !== undefined && mask.value.length === info.width * info.height) {
      look({ mask: mask.value, fill: fill.value });
    }
  }, [mask.value, fill.value]);
  if (info === undefined || photo === undefined) return null;
  const paint = (at: { x: number; y: number }, value: 0 | 1): void => {
    mask.value = withDisc(mask.value, info, at, brush.value, value);
  };
  const placeOf = (event: PointerEvent): { x: number; y: number } => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = cursor.value ?? { x: 0.5, y: 0.5 };
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (move === undefined && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (move === undefined) {
      paint(at, event.shiftKey ? 0 : 1);
      return;
    }
    const clamp = (value: number): number => Math.min(1, Math.max(0, value));
    cursor.value = { x: clamp(at.x + (move[0] ?? 0) * 0.04), y: clamp(at.y + (move[1] ?? 0) * 0.04) };
  };
  const now = after.value;
  const classes = [
    ...new Set([
      target.value.index,
      ...ranking(photo.logits, 4),
      ...(now ? ranking(now.probabilities, 3) : []),
    ]),
  ];
  return (
    <div class="split">
      <div
        class="live paint"
        style={{ aspectRatio: `${info.width} / ${info.height}` }}
        tabIndex={0}
        role="application"
        aria-label="Erase with the pointer, or move with arrow keys and press space; shift restores"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          isPainting.current = true;
          paint(placeOf(event), event.shiftKey ? 0 : 1);
        }}
        onPointerMove={(event) => {
          cursor.value = placeOf(event);
          if (isPainting.current) paint(placeOf(event), event.shiftKey ? 0 : 1);
        }}
        onPointerUp={() => (isPainting.current = false)}
        onPointerCancel={() => (isPainting.current = false)}
        onPointerLeave={() => (cursor.value = undefined)}
        onBlur={() => (cursor.value = undefined)}
        onKeyDown={onKeyDown}
      >
        {now !== undefined && <Picture image={now.pixels} label="The network's view, with what was erased" />}
        {cursor.value !== undefined && (
          <span
            class="brush"
            aria-hidden="true"
            style={{
              left: `${cursor.value.x * 100}%`,
              top: `${cursor.value.y * 100}%`,
              width: `${(brush.value * Math.min(info.width, info.height) * 100) / info.width}%`,
            }}
          />
        )}
      </div>
      <div>
        <p class="faint">
          Paint over what you think matters. This is the network's own view, {info.width} × {info.height}.
          Shift brings back.
        </p>
        <div class="row wrap">
          <label>
            <span>
              Brush <output>{Math.round(brush.value * 100)} %</output>
            </span>
            <input
              type="range"
              min="0.03"
              max="0.5"
              step="0.01"
              value={brush.value}
              onInput={(event) => (brush.value = Number(event.currentTarget.value))}
            />
          </label>
          <label>
            <span>Replaced by</span>
            <select value={fill.value} onChange={(event) => (fill.value = event.currentTarget.value as Fill)}>
              <option value="blur">blurred photograph</option>
              <option value="mean">mean colour</option>
              <option value="black">black</option>
            </select>
          </label>
          <button
            type="button"
            disabled={isEmpty}
            onClick={() => (mask.value = new Uint8Array(info.width * info.height))}
          >
            Clear
          </button>
        </div>
        <table class="before-after">
          <caption class="hidden">Probabilities before and after</caption>
          <thead>
            <tr>
              <th scope="col">class</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {classes.map((index) => {
              const before = photo.probabilities[index] ?? 0;
              const changed = now?.probabilities[index] ?? before;
              return (
                <tr key={index} class={index === target.value.index ? "chosen" : ""}>
                  <th scope="row">{labelOf(index)}</th>
                  <td>{formatPercent(before)}</td>
                  <td>{isEmpty ? "" : formatPercent(changed)}</td>
                  <td class="bars" aria-hidden="true">
                    <span class="bar-track">
                      <span class="bar-fill ghost" style={{ width: `${before * 100}%` }} />
                      <span class="bar-fill" style={{ width: `${changed * 100}%` }} />
                    </span>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}
