import { useEffect, useState } from "preact/hooks";
import { JobAborted } from "../engine/engine.ts";
import type { CandidateInfo } from "../engine/protocol.ts";
import {
  engine,
  labelOf,
  messageOf,
  model,
  modelFiles,
  openModel,
  photograph,
  problem,
  stage,
} from "../state/studio.ts";
import { formatPercent } from "./classes.tsx";

/** How the photograph is prepared, where it comes from, and what the network would see under other ways. */
export function Preparation() {
  const info = model.value;
  const key = photograph.value?.key;
  // The first map comes first.
  const isReady = stage.value !== undefined && stage.value.kind !== "running";
  const isGuess = info !== undefined && /^(?:assumed|guessed)/.test(info.preprocessSource);
  const [isOpen, setOpen] = useState(isGuess);
  const [candidates, setCandidates] = useState<{ key: number | undefined; list: readonly CandidateInfo[] }>();
  useEffect(() => setOpen(isGuess), [info, isGuess]);
  useEffect(() => {
    if (!isOpen || !isReady || candidates?.key === key) return undefined;
    const job = engine.call("candidates", {});
    job.answer.then(
      (list) => setCandidates({ key, list }),
      (error: unknown) => {
        if (!(error instanceof JobAborted)) problem.value = messageOf(error);
      },
    );
    return () => job.abort();
  }, [key, isOpen, isReady]);
  if (info === undefined) return null;
  const use = ({ name, description }: CandidateInfo): void => {
    const files = modelFiles.value;
    if (files !== undefined) void openModel({ ...files, preprocess: { name, text: description } });
  };
  return (
    <details class="parameters" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Pixels {isGuess && <span class="faint">(how the model wants them is not said)</span>}</summary>
      <p class="faint">
        {isGuess
          ? "What the network sees if the photograph is prepared in one way or another. Take the one that is right, or drop the model's preprocessor_config.json."
          : "The photograph is prepared as stated with the model. What the network would see otherwise:"}
      </p>
      <ul class="candidates">
        {(candidates?.key === key ? candidates?.list : undefined)?.map((each, at) => (
          <li key={each.name}>
            <button
              type="button"
              class="quiet"
              title={each.reason}
              aria-pressed={at === 0}
              disabled={at === 0}
              onClick={() => use(each)}
            >
              <span>{each.name}</span>
              <b>{labelOf(each.index)}</b>
              <span>{formatPercent(each.probability)}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
