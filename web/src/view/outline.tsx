import type { Layer } from "onnx-saliency/web";
import { layer } from "../state/settings.ts";
import { model, stage } from "../state/studio.ts";

/** The network from the image to the classes, by resolution; the layer to explain can be changed. */
export function Outline() {
  const info = model.value;
  if (info === undefined) return null;
  const stages = stagesOf(info.layers);
  const result = stage.value;
  const used = result?.kind === "done" ? result.record.layer : undefined;
  const chosen = layer.value ?? info.defaultLayer;
  return (
    <>
      <div class="panel-head">
        <p>
          <b>{info.name}</b>{" "}
          <span class="faint">
            opset {info.opset}
            {/^[a-z]/i.test(info.producer) && `, made by ${info.producer}`}
            {info.sha256 !== undefined && `, SHA-256 ${info.sha256.slice(0, 12)}…`}
          </span>
        </p>
        <p class="faint">
          {info.operators
            .slice(0, 8)
            .map(([name, count]) => `${count} ${name}`)
            .join(", ")}
          {info.operators.length > 8 && `, ${info.operators.length - 8} more kinds`}
        </p>
      </div>
      <p>
        Activation maps look at one layer:{" "}
        {chosen === undefined ? "this network has none that fits" : <code>{chosen}</code>}
        {used !== undefined && used !== chosen && (
          <>
            {" "}
            (the map on the stage used <code>{used}</code>)
          </>
        )}
        . Choose another: late layers know classes, early ones know edges.
      </p>
      <ol class="outline">
        <li class="end">
          <span class="size">image</span>
          <span class="grid-size">
            {info.channels} × {info.height} × {info.width}
          </span>
        </li>
        {stages.map((each) => (
          <li key={each.size} style={{ flex: `${each.layers.length} 1 0` }}>
            <span class="size">{each.size}</span>
            <span class="layers" role="group" aria-label={`Layers of ${each.size} places`}>
              {each.layers.map((one) => (
                <button
                  key={one.name}
                  type="button"
                  class="layer"
                  style={{ height: `${14 + 6 * Math.log2(Math.max(2, one.channels / 8))}px` }}
                  aria-pressed={one.name === chosen}
                  aria-label={`${one.name}, ${one.channels} channels of ${one.height} by ${one.width}`}
                  title={`${one.name}\n${one.channels} channels of ${one.height} × ${one.width}`}
                  onClick={() => (layer.value = one.name === info.defaultLayer ? undefined : one.name)}
                />
              ))}
            </span>
          </li>
        ))}
        <li class="end">
          <span class="size">classes</span>
          <span class="grid-size">{info.classCount}</span>
        </li>
      </ol>
      {info.notes.map((note) => (
        <p key={note} class="remark">
          {note}
        </p>
      ))}
      {layer.value !== undefined && (
        <button type="button" class="quiet small" onClick={() => (layer.value = undefined)}>
          Back to the default layer
        </button>
      )}
    </>
  );
}

interface Resolution {
  readonly size: string;
  readonly layers: readonly Layer[];
}

/** Layers in the order of the network, grouped where the resolution stays the same. */
function stagesOf(layers: readonly Layer[]): readonly Resolution[] {
  const stages: { size: string; layers: Layer[] }[] = [];
  for (const each of layers.toReversed()) {
    const size = `${each.height} × ${each.width}`;
    const last = stages.at(-1);
    if (last?.size === size) last.layers.push(each);
    else stages.push({ size, layers: [each] });
  }
  return stages;
}
