import { useState } from "preact/hooks";
import { describeParams, findMethod, methods, parseTextParams, type MethodFamily } from "onnx-saliency/web";
import { params } from "../state/settings.ts";
import { gallery, model, selected } from "../state/studio.ts";

export const familyNames: Readonly<Record<MethodFamily, string>> = {
  activation: "Class activation maps",
  gradient: "Gradients",
  region: "Regions and masks",
  perturbation: "Optimised masks",
  aop: "Optimised from a map",
};
export const families = Object.keys(familyNames) as readonly MethodFamily[];

/** Why a method cannot be used with the model; `undefined` where it can. */
export function whyNot(method: string): string | undefined {
  const info = model.value;
  const { needs, family } = findMethod(method);
  if (info === undefined || info.defaultLayer !== undefined) return undefined;
  return needs === "activations" || family === "activation" || family === "aop"
    ? "the network has no layer with a grid over the image"
    : undefined;
}

/** The method on the stage, with what it is and its parameters. */
export function MethodPanel() {
  const method = findMethod(selected.value);
  const choose = (name: string): void => {
    selected.value = name;
    if (!gallery.value.includes(name)) gallery.value = [...gallery.value, name];
  };
  const info = model.value;
  const cost = method.cost(method.params.parse({}), {
    layerChannels: info?.layers[0]?.channels ?? 1,
    height: info?.height ?? 224,
    width: info?.width ?? 224,
  });
  return (
    <section class="card method" aria-labelledby="method-title">
      <h2 id="method-title">Method</h2>
      <select
        aria-labelledby="method-title"
        value={method.name}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        {families.map((family) => (
          <optgroup key={family} label={familyNames[family]}>
            {methods
              .filter((each) => each.family === family)
              .map((each) => (
                <option key={each.name} value={each.name} disabled={whyNot(each.name) !== undefined}>
                  {each.title}
                </option>
              ))}
          </optgroup>
        ))}
      </select>
      <p>{capitalise(method.summary)}</p>
      <p class="faint">
        {describeCost(cost)} · <a href={method.paper.url}>{`${method.paper.authors} ${method.paper.year}`}</a>
      </p>
      <Parameters key={method.name} name={method.name} />
    </section>
  );
}

function capitalise(text: string): string {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return sentence.endsWith(".") ? sentence : `${sentence}.`;
}

function describeCost({ f, fb }: { readonly f: number; readonly fb: number }): string {
  const parts = [
    ...(f > 0 ? [`${f} forward pass${f === 1 ? "" : "es"}`] : []),
    ...(fb > 0 ? [`${fb} gradient${fb === 1 ? "" : "s"}`] : []),
  ];
  return parts.join(", ") || "no extra pass";
}

function Parameters({ name }: { readonly name: string }) {
  const method = findMethod(name);
  const descriptions = describeParams(method).filter((each) => each.name !== "layer");
  const given = params.value[name] ?? {};
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>(() =>
    Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)])),
  );
  const [trouble, setTrouble] = useState<string>();
  if (descriptions.length === 0) return null;
  const apply = (next: Readonly<Record<string, string>>): void => {
    setTexts(next);
    const filled = Object.fromEntries(Object.entries(next).filter(([, text]) => text.trim() !== ""));
    try {
      const parsed: Record<string, unknown> = parseTextParams(method, filled);
      const chosen = Object.fromEntries(Object.keys(filled).map((key) => [key, parsed[key]]));
      params.value = { ...params.value, [name]: chosen };
      setTrouble(undefined);
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  };
  const count = Object.keys(given).length;
  return (
    <details class="parameters">
      <summary>Parameters{count > 0 && <span class="faint">, {count} changed</span>}</summary>
      {trouble !== undefined && (
        <p class="remark bad" role="alert">
          {trouble}
        </p>
      )}
      <div class="fields">
        {descriptions.map((each) => (
          <label key={each.name} title={each.accepts}>
            <span>{each.name}</span>
            <input
              type="text"
              value={texts[each.name] ?? ""}
              placeholder={each.default === undefined ? "decided by the method" : formatDefault(each.default)}
              onChange={(event) => apply({ ...texts, [each.name]: event.currentTarget.value })}
            />
            <small class="faint">{each.description}</small>
          </label>
        ))}
      </div>
      {count > 0 && (
        <button type="button" class="quiet small" onClick={() => apply({})}>
          Back to the defaults
        </button>
      )}
    </details>
  );
}

function formatDefault(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : typeof value === "string" ? value : JSON.stringify(value);
}
