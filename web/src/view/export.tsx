import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import {
  figureFile,
  finished,
  htmlFile,
  npyFile,
  onStage,
  recordOf,
  save,
  stemFor,
} from "../state/exports.ts";
import { commandLine, currentRequest } from "../state/request.ts";
import { layer } from "../state/settings.ts";
import { messageOf, problem, stemOf, photograph } from "../state/studio.ts";

const isSaving = signal(false);

async function during(step: () => Promise<void>): Promise<void> {
  isSaving.value = true;
  try {
    await step();
  } catch (error) {
    problem.value = messageOf(error);
  } finally {
    isSaving.value = false;
  }
}

/** What the page does as data and as a command, and the results as files. */
export function Export() {
  const request = currentRequest(layer.value);
  const json = JSON.stringify(request, undefined, 2);
  const command = commandLine(request);
  const shown = onStage();
  const all = finished();
  const stem = stemOf(photograph.value?.name ?? "photo");
  return (
    <div class="split even">
      <div>
        <h3>The same in a terminal</h3>
        <Copyable text={command} name="command" />
        <h3>The request</h3>
        <Copyable text={json} name="request" />
      </div>
      <div>
        <h3>The map on the stage</h3>
        <div class="row wrap">
          <button
            type="button"
            disabled={shown === undefined || isSaving.value}
            onClick={() =>
              shown !== undefined &&
              void during(async () => save(await figureFile([shown]), `${stemFor(shown)}.png`))
            }
          >
            Picture (.png)
          </button>
          <button
            type="button"
            disabled={shown === undefined}
            onClick={() => shown !== undefined && save(npyFile(shown), `${stemFor(shown)}.npy`)}
          >
            Values (.npy)
          </button>
          <button
            type="button"
            disabled={shown === undefined}
            onClick={() =>
              shown !== undefined &&
              save(
                new Blob([`${JSON.stringify(recordOf(shown), undefined, 2)}\n`], {
                  type: "application/json",
                }),
                `${stemFor(shown)}.json`,
              )
            }
          >
            Record (.json)
          </button>
        </div>
        <h3>The comparison</h3>
        <p class="faint">
          {all.length} {all.length === 1 ? "map" : "maps"} with captions and colour bars.
        </p>
        <div class="row wrap">
          <button
            type="button"
            disabled={all.length === 0 || isSaving.value}
            onClick={() => void during(async () => save(await figureFile(all), `${stem}.comparison.png`))}
          >
            Picture (.png)
          </button>
          <button
            type="button"
            disabled={all.length === 0 || isSaving.value}
            onClick={() =>
              void during(async () => save(await htmlFile(all, request), `${stem}.comparison.html`))
            }
          >
            Page (.html)
          </button>
        </div>
        <p role="status" class="faint">
          {isSaving.value ? "Drawing …" : ""}
        </p>
      </div>
    </div>
  );
}

function Copyable({ text, name }: { readonly text: string; readonly name: string }) {
  const [state, setState] = useState("Copy");
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setState("Copied"),
      () => setState("Select it and copy"),
    );
    setTimeout(() => setState("Copy"), 2500);
  };
  return (
    <div class="copyable">
      <pre tabIndex={0} aria-label={`The ${name}`}>
        {text}
      </pre>
      <button type="button" class="quiet small" aria-label={`Copy the ${name}`} onClick={copy}>
        <span aria-live="polite">{state}</span>
      </button>
    </div>
  );
}
