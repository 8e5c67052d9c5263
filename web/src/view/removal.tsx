import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { SaliencyMap } from "onnx-saliency/web";
import type { CompositeInfo, CurvesInfo } from "../engine/protocol.ts";
import { engine, messageOf, problem, stage, target, targetName } from "../state/studio.ts";
import { Chart, type Line } from "./chart.tsx";
import { createLatest } from "./latest.ts";
import { Picture } from "./picture.tsx";

type Kind = "deletion" | "insertion";

const kind = signal<Kind>("deletion");
const share = signal(0.1);
const composite = signal<CompositeInfo | undefined>(undefined);
const curves = signal<{ readonly map: SaliencyMap; readonly info: CurvesInfo } | undefined>(undefined);

const look = createLatest(
  (ask: { map: SaliencyMap; share: number; kind: Kind }) => engine.call("remove", ask),
  (answer) => (composite.value = answer),
  (error) => (problem.value = messageOf(error)),
);

/** Takes away, or adds, the pixels that the map calls salient, and shows what becomes of the score. */
export function Removal() {
  const result = stage.value;
  const map = result?.kind === "done" ? result.map : undefined;
  const { index, minus } = target.value;
  useEffect(() => {
    if (map !== undefined) look({ map, share: share.value, kind: kind.value });
  }, [map, share.value, kind.value]);
  useEffect(() => {
    if (map === undefined) return undefined;
    const job = engine.call("curves", { map, target: minus === undefined ? { index } : { index, minus } });
    job.answer.then(
      (info) => (curves.value = { map, info }),
      (error: unknown) => {
        if (curves.value?.map !== map && !(error instanceof Error && error.message.includes("stopped"))) {
          problem.value = messageOf(error);
        }
      },
    );
    return () => job.abort();
  }, [map, index, minus]);
  if (map === undefined) return <p class="faint">Waiting for the map on the stage …</p>;
  const known = curves.value?.map === map ? curves.value.info : undefined;
  const now = composite.value;
  const score =
    now === undefined
      ? undefined
      : (now.probabilities[index] ?? 0) - (minus === undefined ? 0 : (now.probabilities[minus] ?? 0));
  const isDeletion = kind.value === "deletion";
  const lines: readonly Line[] =
    known === undefined
      ? []
      : [
          { name: "deletion", kind: "first", ...known.deletion },
          { name: "insertion", kind: "second", ...known.insertion },
        ];
  return (
    <div class="split">
      <div class="live" style={{ aspectRatio: `${map.width} / ${map.height}` }}>
        {now !== undefined && (
          <Picture
            image={now.pixels}
            label={`The network's view with ${Math.round(share.value * 100)} % of the pixels ${isDeletion ? "removed" : "shown"}`}
          />
        )}
      </div>
      <div>
        <fieldset class="row plain">
          <legend class="hidden">What the slider does</legend>
          <label class="radio">
            <input
              type="radio"
              name="removal"
              checked={isDeletion}
              onChange={() => (kind.value = "deletion")}
            />{" "}
            Remove the most salient pixels
          </label>
          <label class="radio">
            <input
              type="radio"
              name="removal"
              checked={!isDeletion}
              onChange={() => (kind.value = "insertion")}
            />{" "}
            Show only them
          </label>
        </fieldset>
        <label class="wide-slider">
          <span>
            {isDeletion ? "Removed" : "Shown"} <output>{Math.round(share.value * 100)} %</output>
          </span>
          <input
            type="range"
            min="0"
            max="1"
            step="0.01"
            value={share.value}
            aria-label="Share of the pixels"
            onInput={(event) => (share.value = Number(event.currentTarget.value))}
          />
        </label>
        <p class="score" role="status">
          <b>{score === undefined ? "…" : `${(score * 100).toFixed(1)} %`}</b> {targetName(target.value)}
        </p>
        {known === undefined ? (
          <p class="faint">Computing both curves …</p>
        ) : (
          <>
            <Chart
              label={`Probability while pixels are removed and added. Area under deletion ${known.deletion.area.toFixed(3)}, under insertion ${known.insertion.area.toFixed(3)}.`}
              lines={lines}
              xRange={[0, 1]}
              yRange={minus === undefined ? [0, 1] : [-1, 1]}
              xTitle="share of the pixels, most salient first"
              yTitle="probability"
              format={(value) => value.toFixed(1)}
              {...(score === undefined ? {} : { mark: { x: share.value, y: score } })}
            />
            <p class="key">
              <span class="swatch first" aria-hidden="true" /> Deletion, area{" "}
              <b>{known.deletion.area.toFixed(3)}</b> <span class="faint">(lower is better)</span>
              <br />
              <span class="swatch second" aria-hidden="true" /> Insertion, area{" "}
              <b>{known.insertion.area.toFixed(3)}</b> <span class="faint">(higher is better)</span>
            </p>
          </>
        )}
      </div>
    </div>
  );
}
