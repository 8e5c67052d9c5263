import { findMethod, formatValue, methods } from "onnx-saliency/web";
import { colorMapOf, displayed, topValue, scaleFor, scaleMode } from "../state/settings.ts";
import {
  gallery,
  photograph,
  pinned,
  resultOf,
  selected,
  shownMaps,
  target,
  targetName,
  type Explained,
} from "../state/studio.ts";
import { Legend } from "./legend.tsx";
import { families, familyNames, whyNot } from "./method-panel.tsx";
import { OverlayCanvas } from "./overlay-canvas.tsx";
import { WorkBar } from "./work-bar.tsx";

/** Several methods, and what was kept, side by side on one scale. */
export function Compare() {
  const current = target.value;
  const maps = shownMaps.value;
  const [first] = maps;
  const isRaw = scaleMode.value === "raw";
  return (
    <>
      <div class="panel-head">
        <p class="faint">
          {isRaw
            ? "All maps share one scale of values. Values of different methods are not alike, so some may be pale."
            : "Each map is drawn from 0 to its own top (half a percent of the pixels lie above), so equal colours mean equal shares of it."}{" "}
          Choose a picture to see it large.
        </p>
        {first !== undefined && isRaw && <Legend colors={colorMapOf(first)} scale={scaleFor(first, maps)} />}
      </div>
      <ul class="gallery">
        {gallery.value.map((method) => (
          <Tile
            key={method}
            explained={{ method, target: current }}
            onRemove={() => (gallery.value = gallery.value.filter((each) => each !== method))}
          />
        ))}
        {pinned.value.map((explained, index) => (
          <Tile
            key={`pin-${index}`}
            explained={explained}
            isPinned
            onRemove={() => (pinned.value = pinned.value.filter((each) => each !== explained))}
          />
        ))}
      </ul>
      <fieldset class="chooser">
        <legend>Methods side by side</legend>
        {families.map((family) => (
          <div key={family} class="chips" role="group" aria-label={familyNames[family]}>
            <span class="faint family">{familyNames[family]}</span>
            {methods
              .filter((method) => method.family === family)
              .map(({ name, title, summary }) => {
                const reason = whyNot(name);
                const isShown = gallery.value.includes(name);
                return (
                  <button
                    key={name}
                    type="button"
                    class="chip"
                    aria-pressed={isShown}
                    disabled={reason !== undefined}
                    title={reason ?? summary}
                    onClick={() =>
                      (gallery.value = isShown
                        ? gallery.value.filter((each) => each !== name)
                        : [...gallery.value, name])
                    }
                  >
                    {title}
                  </button>
                );
              })}
          </div>
        ))}
      </fieldset>
    </>
  );
}

interface TileProps {
  readonly explained: Explained;
  readonly isPinned?: boolean;
  readonly onRemove: () => void;
}

function Tile({ explained, isPinned = false, onRemove }: TileProps) {
  const photo = photograph.value;
  if (photo === undefined) return null;
  const { method, target: of } = explained;
  const { title } = findMethod(method);
  const result = resultOf(explained);
  const made =
    result?.kind === "done" ? result.map : result?.kind === "running" ? result.progress?.map : undefined;
  const map = made === undefined ? undefined : displayed(made);
  const isOnStage =
    method === selected.value && of.index === target.value.index && of.minus === target.value.minus;
  return (
    <li class={isOnStage ? "tile on-stage" : "tile"}>
      <button
        type="button"
        class="tile-picture"
        aria-label={`Show ${title} for ${targetName(of)} large`}
        aria-pressed={isOnStage}
        onClick={() => {
          selected.value = method;
          target.value = of;
        }}
      >
        <OverlayCanvas
          photo={photo.shown}
          placement={photo.placement}
          map={map}
          label={`${title} for ${targetName(of)}`}
        />
      </button>
      <div class="tile-words">
        <b>{title}</b>
        <span class="faint">
          {isPinned ? targetName(of) : map === undefined ? "" : `up to ${formatValue(topValue(map))}`}
        </span>
      </div>
      <WorkBar result={result} name={title} />
      {result?.kind === "done" && result.map.degenerate !== undefined && (
        <p class="remark">{result.map.degenerate.message}</p>
      )}
      {result?.kind === "failed" && <p class="remark bad">{result.message}</p>}
      <div class="tile-actions">
        {!isPinned && (
          <button
            type="button"
            class="quiet small"
            title="Keep it while you look at other classes"
            aria-label={`Keep ${title} for ${targetName(of)}`}
            disabled={result?.kind !== "done"}
            onClick={() => (pinned.value = [...pinned.value, { method, target: of }])}
          >
            Keep
          </button>
        )}
        <button type="button" class="quiet small" aria-label={`Remove ${title}`} onClick={onRemove}>
          Remove
        </button>
      </div>
    </li>
  );
}
