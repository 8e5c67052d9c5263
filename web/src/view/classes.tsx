import { useState } from "preact/hooks";
import { resolveTarget } from "onnx-saliency/web";
import { labelOf, model, photograph, ranking, target } from "../state/studio.ts";
import { Preparation } from "./preparation.tsx";

/** The five most probable classes: one is explained, a second may be compared with it. */
export function Classes() {
  const photo = photograph.value;
  const info = model.value;
  const [text, setText] = useState("");
  const [trouble, setTrouble] = useState<string>();
  if (photo === undefined || info === undefined)
    return <section class="card empty classes" aria-label="Prediction" />;
  const { index, minus } = target.value;
  const shown = [...ranking(photo.logits, 5)];
  for (const extra of [index, minus]) if (extra !== undefined && !shown.includes(extra)) shown.push(extra);
  const choose = (event: Event): void => {
    event.preventDefault();
    try {
      target.value = resolveTarget(text.trim(), { logits: photo.logits, labels: info.labels });
      setTrouble(undefined);
      setText("");
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <section class="card classes" aria-labelledby="classes-title">
      <h2 id="classes-title">What the network sees</h2>
      <ol>
        {shown.map((each) => {
          const probability = photo.probabilities[each] ?? 0;
          const isChosen = each === index;
          const isAgainst = each === minus;
          return (
            <li key={each} class={isChosen ? "chosen" : isAgainst ? "against" : ""}>
              <button
                type="button"
                class="class"
                aria-pressed={isChosen}
                title={`Explain ${labelOf(each)}`}
                onClick={() => (target.value = { index: each })}
              >
                <span class="name">{labelOf(each)}</span>
                <span class="value">{formatPercent(probability)}</span>
                <span class="bar-track" aria-hidden="true">
                  <span class="bar-fill" style={{ width: `${Math.max(0.5, probability * 100)}%` }} />
                </span>
              </button>
              <button
                type="button"
                class="quiet small versus"
                aria-pressed={isAgainst}
                disabled={isChosen}
                aria-label={`Compare ${labelOf(index)} against ${labelOf(each)}`}
                title={`What speaks for ${labelOf(index)} rather than ${labelOf(each)}`}
                onClick={() => (target.value = isAgainst ? { index } : { index, minus: each })}
              >
                vs
              </button>
            </li>
          );
        })}
      </ol>
      <form onSubmit={choose} class="row">
        <input
          type="text"
          value={text}
          placeholder={info.labels === undefined ? "class number" : "another class: name or number"}
          aria-label="Explain another class"
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" disabled={text.trim() === ""}>
          Explain
        </button>
      </form>
      {trouble !== undefined && (
        <p class="remark bad" role="alert">
          {trouble}
        </p>
      )}
      {info.labels === undefined && (
        <p class="faint">
          The model file names no classes. Drop a list of them (.txt, one a line) to see names.
        </p>
      )}
      <Preparation />
    </section>
  );
}

export function formatPercent(probability: number): string {
  const percent = probability * 100;
  return `${percent >= 10 ? percent.toFixed(0) : percent >= 0.1 ? percent.toFixed(1) : percent > 0 ? "< 0.1" : "0"} %`;
}
