import { colorTable, formatValue, type ColorMapName, type ColorScale } from "onnx-saliency/web";

/** The colour bar with the values at its ends. */
export function Legend({ colors, scale }: { readonly colors: ColorMapName; readonly scale: ColorScale }) {
  const table = colorTable(colors);
  const stops = Array.from({ length: 17 }, (_, index) => {
    const at = Math.round((index / 16) * 255) * 3;
    return `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`;
  });
  const isSigned = scale.min < 0;
  return (
    <div
      class="legend"
      role="img"
      aria-label={`Colours from ${formatValue(scale.min)} to ${formatValue(scale.max)}`}
    >
      <div class="ramp" style={{ background: `linear-gradient(to right, ${stops.join(", ")})` }} />
      <div class="ends">
        <span>
          {formatValue(scale.min)}
          {isSigned && <em> against</em>}
        </span>
        {isSigned && <span>0</span>}
        <span>
          {isSigned && <em>for </em>}
          {formatValue(scale.max)}
        </span>
      </div>
    </div>
  );
}
