import type { Drawing, Shape } from "./drawing.ts";
import { formatValue } from "./figure.ts";
import type { Rgb } from "./rgba-image.ts";
import { ellipsize, textWidth, type TextStyle } from "./text.ts";

/** A line with its name. Points that are not finite interrupt it. */
export interface LineSeries {
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Lines over a common axis. */
export interface ChartPanel {
  /** What the values are; stands above the panel. */
  readonly title: string;
  readonly series: readonly LineSeries[];
  /** Ends of the value axis; default those of the values. */
  readonly range?: readonly [low: number, high: number];
  /** True for values over several orders of magnitude; values of 0 and below are left out. Default false. */
  readonly isLogarithmic?: boolean;
}

export interface LineChart {
  /** Whole pixels. */
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** What lies along the horizontal axis, which all panels share. */
  readonly xLabel: string;
  /** From top to bottom, of equal height. */
  readonly panels: readonly ChartPanel[];
  /** In pixels. Default: a 28th of the width, within 11 to 22. */
  readonly fontSize?: number;
}

const ink: Rgb = [28, 30, 36];
const mutedInk: Rgb = [98, 103, 115];
const gridInk: Rgb = [226, 228, 233];

/** Okabe and Ito's colours without yellow: told apart by people with any colour vision. */
const colors: readonly Rgb[] = [
  [0, 114, 178],
  [213, 94, 0],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [230, 159, 0],
];

/** In units of the font size; dashes tell lines apart in print. */
const dashes: readonly (readonly number[])[] = [[], [0.6, 0.3], [0.15, 0.2], [0.8, 0.25, 0.2, 0.25]];

interface Axis {
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** Lines over one horizontal axis, in one panel or several below each other, with legends and grid. */
export function lineChart(chart: LineChart): Drawing {
  const { width, height, panels, title } = chart;
  const size = chart.fontSize ?? Math.round(Math.min(22, Math.max(11, width / 28)));
  const style: TextStyle = { size: 0.85 * size };
  const margin = Math.round(0.7 * size);
  const head = Math.round(1.9 * size);
  const foot = Math.round(3.2 * size);
  const panelHeight = (height - margin - head - foot) / panels.length;
  const bottom = height - foot;
  const allX = panels.flatMap(({ series }) => series.flatMap((line) => line.x));
  const axes = panels.map((panel, index) => {
    const begin = margin + head + index * panelHeight;
    const top = Math.round(begin + wordsHeight(panel, width - 2 * margin, size));
    const floor = index === panels.length - 1 ? bottom : margin + head + (index + 1) * panelHeight - size;
    return { panel, begin, top, floor, y: axis(panelValues(panel), floor, top, size, panel) };
  });
  const labelWidth = Math.max(
    ...axes.flatMap(({ y }) => y.ticks.map((tick) => textWidth(formatValue(tick), style))),
  );
  const left = Math.ceil(margin + labelWidth + 0.5 * size);
  const right = width - Math.round(1.3 * size);
  const x = axis(allX, left, right, 3 * size);

  const shapes: Shape[] = [text(title, margin, margin + size, { size, weight: "semibold" }, ink, width)];
  for (const { panel, begin, top, floor, y } of axes) {
    shapes.push(text(panel.title, margin, begin + 0.9 * size, style, mutedInk, width));
    for (const tick of y.ticks) {
      const at = Math.round(y.at(tick)) + 0.5;
      shapes.push({ kind: "stroke", points: [left, at, right, at], color: gridInk, width: 1 });
      const baseline = at + 0.3 * size;
      shapes.push({
        ...text(formatValue(tick), left - 0.4 * size, baseline, style, mutedInk),
        anchor: "end",
      });
    }
    for (const tick of x.ticks) {
      const at = Math.round(x.at(tick)) + 0.5;
      shapes.push({ kind: "stroke", points: [at, top, at, floor], color: gridInk, width: 1 });
    }
    shapes.push(...legend(panel, margin, begin + 1.1 * size, width - 2 * margin, size));
    panel.series.forEach((series, index) => shapes.push(...line(series, index, x, y, panel, size)));
  }
  for (const tick of x.ticks) {
    shapes.push({
      ...text(formatValue(tick), x.at(tick), bottom + 1.2 * size, style, mutedInk),
      anchor: "middle",
    });
  }
  const label = text(chart.xLabel, (left + right) / 2, bottom + 2.5 * size, style, mutedInk);
  return { width, height, title, shapes: [...shapes, { ...label, anchor: "middle" }] };
}

function text(
  words: string,
  x: number,
  baseline: number,
  style: TextStyle,
  color: Rgb,
  width = Infinity,
): Extract<Shape, { kind: "text" }> {
  return { kind: "text", text: ellipsize(words, width - 2 * x, style), x, baseline, style, color };
}

function look(
  index: number,
  size: number,
): { readonly color: Rgb; readonly width: number; readonly dashes?: readonly number[] } {
  const pattern = dashes[index % dashes.length]!.map((length) => Number((length * size).toFixed(1)));
  return {
    color: colors[index % colors.length]!,
    width: Math.max(1.5, size / 8),
    ...(pattern.length > 0 && { dashes: pattern }),
  };
}

function line(series: LineSeries, index: number, x: Axis, y: Axis, panel: ChartPanel, size: number): Shape[] {
  const runs: number[][] = [[]];
  series.y.forEach((value, step) => {
    const place = series.x[step] ?? Number.NaN;
    const isShown =
      Number.isFinite(value) && Number.isFinite(place) && (panel.isLogarithmic !== true || value > 0);
    if (isShown) runs.at(-1)!.push(x.at(place), y.at(value));
    else if (runs.at(-1)!.length > 0) runs.push([]);
  });
  const drawn = runs.filter((points) => points.length > 0);
  return drawn.map((points) => {
    // A single point is a short dash.
    const shown = points.length > 2 ? points : [points[0]! - 2, points[1]!, points[0]! + 2, points[1]!];
    return { kind: "stroke", points: shown, label: series.label, ...look(index, size) };
  });
}

interface LegendItem {
  readonly label: string;
  readonly left: number;
  readonly row: number;
}

/** Names side by side, in further rows where they do not fit. */
function legendItems({ series }: ChartPanel, width: number, size: number): readonly LegendItem[] {
  let left = 0;
  let row = 0;
  return series.map(({ label }) => {
    const itemWidth = Math.min(width, 3.2 * size + textWidth(label, { size: 0.85 * size }));
    if (left > 0 && left + itemWidth > width) [left, row] = [0, row + 1];
    const item = { label, left, row };
    left += itemWidth;
    return item;
  });
}

/** Height of a panel's title and legend. One line needs no legend: the title says what it is. */
function wordsHeight(panel: ChartPanel, width: number, size: number): number {
  const rows = panel.series.length < 2 ? 0 : legendItems(panel, width, size).at(-1)!.row + 1;
  return (1.7 + (rows === 0 ? 0 : 1.25 * rows + 0.2)) * size;
}

function legend(panel: ChartPanel, left: number, top: number, width: number, size: number): Shape[] {
  const style = { size: 0.85 * size };
  if (panel.series.length < 2) return [];
  return legendItems(panel, width, size).flatMap((item, index): Shape[] => {
    const x = left + item.left;
    const baseline = top + (item.row + 0.95) * 1.25 * size;
    const label = ellipsize(item.label, width - item.left - 2.3 * size, style);
    const middle = baseline - 0.28 * size;
    return [
      { kind: "stroke", points: [x, middle, x + 1.7 * size, middle], ...look(index, size) },
      text(label, x + 2.1 * size, baseline, style, ink),
    ];
  });
}

function panelValues({ series, range }: ChartPanel): readonly number[] {
  return range ?? series.flatMap(({ y }) => y);
}

/** An axis with round numbers at its ticks, at least `gap` pixels apart. */
function axis(values: readonly number[], start: number, end: number, gap: number, panel?: ChartPanel): Axis {
  const isLogarithmic = panel?.isLogarithmic === true;
  const finite = values.filter((value) => Number.isFinite(value) && (!isLogarithmic || value > 0));
  let low = finite.reduce((least, value) => Math.min(least, value), finite[0] ?? 0);
  let high = finite.reduce((most, value) => Math.max(most, value), finite[0] ?? 1);
  const tickCount = Math.max(1, Math.min(6, Math.floor(Math.abs(end - start) / (2 * gap))));
  if (isLogarithmic) {
    const first = Math.floor(Math.log10(finite.length === 0 ? 0.1 : low) + 1e-9);
    const last = Math.max(first + 1, Math.ceil(Math.log10(finite.length === 0 ? 1 : high) - 1e-9));
    const every = Math.max(1, Math.ceil((last - first) / tickCount));
    return {
      at: (value) => start + ((Math.log10(value) - first) / (last - first)) * (end - start),
      ticks: Array.from(
        { length: Math.floor((last - first) / every) + 1 },
        (_, index) => 10 ** (first + index * every),
      ),
    };
  }
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const step = niceStep((high - low) / tickCount);
  // Value axes end at round numbers; the horizontal one where the lines do.
  if (panel !== undefined && panel.range === undefined) {
    low = Math.floor(low / step + 1e-9) * step;
    high = Math.ceil(high / step - 1e-9) * step;
  }
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  return {
    at: (value) => start + ((value - low) / (high - low)) * (end - start),
    ticks: Array.from({ length: last - first + 1 }, (_, index) =>
      Number(((first + index) * step).toPrecision(12)),
    ),
  };
}

/** The smallest of 1, 2, 5, 10, ... times a power of ten that is not below `raw`. */
function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5].find((factor) => factor * power >= raw * 0.999) ?? 10) * power;
}
