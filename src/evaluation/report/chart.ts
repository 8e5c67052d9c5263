/** A line with an optional band. */
export interface LineSeries {
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly low?: readonly number[];
  readonly high?: readonly number[];
}

/** A named point with an optional vertical interval. */
export interface ChartPoint {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

interface ChartText {
  /** For those who cannot see the chart, and as a tooltip. */
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
}

/** Of a chart, in its own units. */
export const chartSize = { width: 460, height: 320 } as const;
const { width, height } = chartSize;
const margin = { left: 52, right: 12, top: 12, bottom: 44 };

/** Dashes tell lines apart where colours do not: in print, and for those who do not see them. */
const dashes = ["", "7 3", "2 2", "9 3 2 3", "4 4", "1 3", "12 4"];

/** The dashes of series `index`. */
export function dashOf(index: number): string {
  return dashes[index % dashes.length] ?? "";
}

/** Text safe inside HTML and SVG, attributes included. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The CSS class that colours series `index`; ten colours, defined by the page for light and dark. */
export function seriesClass(index: number): string {
  return `s${index % 10}`;
}

/** Lines over 0..1 (or their own range) with bands, as a self-contained SVG element. */
export function lineChart(series: readonly LineSeries[], text: ChartText): string {
  const x = axis(
    series.flatMap((line) => line.x),
    margin.left,
    width - margin.right,
  );
  const y = axis(
    series.flatMap((line) => [...line.y, ...(line.low ?? []), ...(line.high ?? [])]),
    height - margin.bottom,
    margin.top,
  );
  const point = (line: LineSeries, values: readonly number[], index: number): string =>
    `${x.at(line.x[index] ?? 0).toFixed(1)},${y.at(values[index] ?? 0).toFixed(1)}`;
  const bands = series.flatMap((line, index) => {
    const { low, high } = line;
    if (low === undefined || high === undefined) return [];
    const there = high.map((_, step) => point(line, high, step));
    const back = low.map((_, step) => point(line, low, step)).reverse();
    return [`<polygon class="band ${seriesClass(index)}" points="${[...there, ...back].join(" ")}"/>`];
  });
  const lines = series.map((line, index) => {
    const points = line.y.map((_, step) => point(line, line.y, step)).join(" ");
    return `<polyline class="line ${seriesClass(index)}" stroke-dasharray="${dashOf(index)}" points="${points}"><title>${escapeHtml(line.label)}</title></polyline>`;
  });
  return frame(text, x, y, [...bands, ...lines].join(""), series.map((line) => line.label).join(", "));
}

/** Named points; `x` on a logarithmic scale. */
export function scatterChart(points: readonly ChartPoint[], text: ChartText): string {
  const x = axis(
    points.map((point) => point.x),
    margin.left,
    width - margin.right - 10,
    true,
  );
  const y = axis(
    points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]),
    height - margin.bottom,
    margin.top,
  );
  const names = spreadNames(
    points.map((point) => ({ label: point.label, x: x.at(point.x), y: y.at(point.y) })),
  );
  const marks = points.map((point, index) => {
    const [cx, cy] = [x.at(point.x).toFixed(1), y.at(point.y).toFixed(1)];
    // Names of points on the right stand to their left, or they would be cut off.
    const isRight = isOnRight(Number(cx));
    const side = isRight
      ? `text-anchor="end" x="${(Number(cx) - 7).toFixed(1)}"`
      : `x="${(Number(cx) + 7).toFixed(1)}"`;
    const interval =
      point.low === undefined || point.high === undefined
        ? ""
        : `<line class="line ${seriesClass(index)}" x1="${cx}" x2="${cx}" y1="${y.at(point.low).toFixed(1)}" y2="${y.at(point.high).toFixed(1)}"/>`;
    return `${interval}<circle class="dot ${seriesClass(index)}" cx="${cx}" cy="${cy}" r="4"/><text class="name" ${side} y="${((names[index] ?? 0) + 4).toFixed(1)}">${escapeHtml(point.label)}</text>`;
  });
  return frame(
    text,
    x,
    y,
    marks.join(""),
    points.map(({ label, x, y }) => `${label} ${x.toPrecision(2)}, ${y.toPrecision(3)}`).join("; "),
  );
}

const isOnRight = (x: number): boolean => x > width / 2;

/** Heights at which the names of points do not lie on each other: each as near to its point as is free. */
function spreadNames(
  points: readonly { readonly label: string; readonly x: number; readonly y: number }[],
): readonly number[] {
  const [lineHeight, letterWidth] = [13, 6.6];
  const placed: { readonly left: number; readonly right: number; readonly y: number }[] = [];
  return points.map(({ label, x, y }) => {
    const length = 7 + letterWidth * label.length;
    const [left, right] = isOnRight(x) ? [x - length, x] : [x, x + length];
    const isFree = (at: number): boolean =>
      placed.every(
        (other) => Math.abs(other.y - at) >= lineHeight || right < other.left || left > other.right,
      );
    const steps = Array.from({ length: 2 * placed.length + 1 }, (_, step) =>
      step % 2 === 0 ? -step / 2 : (step + 1) / 2,
    );
    const free = steps.map((step) => y + lineHeight * step).find(isFree) ?? y;
    placed.push({ left, right, y: free });
    return free;
  });
}

interface Axis {
  at(value: number): number;
  readonly ticks: readonly number[];
}

function axis(values: readonly number[], start: number, end: number, isLogarithmic = false): Axis {
  const finite = values.filter((value) => Number.isFinite(value) && (!isLogarithmic || value > 0));
  let low = finite.length === 0 ? 0 : Math.min(...finite);
  let high = finite.length === 0 ? 1 : Math.max(...finite);
  if (isLogarithmic) {
    const [first, last] = [
      Math.floor(Math.log10(low || 1)),
      Math.max(Math.ceil(Math.log10(high || 1)), Math.floor(Math.log10(low || 1)) + 1),
    ];
    return {
      at: (value) =>
        start + ((Math.log10(Math.max(value, 10 ** first)) - first) / (last - first)) * (end - start),
      ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)),
    };
  }
  if (high === low) [low, high] = [low - 0.5, high + 0.5];
  const step = niceStep((high - low) / 5);
  const [first, last] = [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
  return {
    at: (value) => start + ((value - first) / (last - first)) * (end - start),
    ticks: Array.from({ length: Math.round((last - first) / step) + 1 }, (_, index) => first + index * step),
  };
}

function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const [factor = 10] = [1, 2, 5, 10].filter((candidate) => candidate * power >= raw * 0.999);
  return factor * power;
}

function frame(text: ChartText, x: Axis, y: Axis, content: string, description: string): string {
  const label = (value: number): string => String(Number(value.toPrecision(6)));
  const [left, right, top, bottom] = [margin.left, width - margin.right, margin.top, height - margin.bottom];
  const xTicks = x.ticks.map((tick) => {
    const at = x.at(tick).toFixed(1);
    return `<line class="grid" x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"/><text x="${at}" y="${bottom + 16}" text-anchor="middle">${label(tick)}</text>`;
  });
  const yTicks = y.ticks.map((tick) => {
    const at = y.at(tick).toFixed(1);
    return `<line class="grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/><text x="${left - 6}" y="${Number(at) + 4}" text-anchor="end">${label(tick)}</text>`;
  });
  return (
    `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img"><title>${escapeHtml(text.title)}</title><desc>${escapeHtml(description)}</desc>` +
    `${xTicks.join("")}${yTicks.join("")}${content}` +
    `<text x="${(left + right) / 2}" y="${height - 8}" text-anchor="middle">${escapeHtml(text.xLabel)}</text>` +
    `<text transform="translate(13 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(text.yLabel)}</text></svg>`
  );
}

/** The legend of a line chart: a piece of each line with its name. */
export function legend(labels: readonly string[]): string {
  const items = labels.map(
    (label, index) =>
      `<li><svg class="key" viewBox="0 0 30 10" aria-hidden="true"><line class="line ${seriesClass(index)}" stroke-dasharray="${dashOf(index)}" x1="1" x2="29" y1="5" y2="5"/></svg>${escapeHtml(label)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}
