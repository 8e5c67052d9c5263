import { ParameterError } from "../errors.ts";
import { type ColorMapName, colorTable } from "./color-map.ts";
import type { ColorScale } from "./overlay.ts";
import { fillRectangle, paste, type Rgb, type RgbaImage, solidImage } from "./rgba-image.ts";
import { drawText, ellipsize, textWidth, type TextStyle } from "./text.ts";

/** One picture of a figure with its words. Lines that do not fit are cut with an ellipsis. */
export interface Panel {
  readonly image: RgbaImage;
  /** Above the picture, semibold. */
  readonly title?: string;
  /** Below the title, smaller. */
  readonly note?: string;
  /** A colour bar below the picture with the values at its ends (and 0 if that is inside). */
  readonly colorBar?: { readonly colorMap: ColorMapName; readonly scale: ColorScale };
}

export interface FigureOptions {
  /** At the top, over all panels. */
  readonly title?: string;
  readonly subtitle?: string;
  /** Panels in a row. Default: all in one up to 4, then as square as possible. */
  readonly columns?: number;
  /** Font size of titles in pixels. Default: a 24th of the panels' width, within 13 to 30. */
  readonly fontSize?: number;
}

const ink: Rgb = [28, 30, 36];
const mutedInk: Rgb = [98, 103, 115];
const frame: Rgb = [222, 224, 229];

/** Measures of a layout in pixels, all derived from the font size. */
interface Layout {
  readonly columns: number;
  readonly cellWidth: number;
  readonly pictureHeight: number;
  readonly margin: number;
  readonly gap: number;
  readonly headHeight: number;
  readonly captionHeight: number;
  readonly barHeight: number;
  readonly fontSize: number;
}

/**
 * Arranges pictures with captions and colour bars on white. Letters come from outlines in this package, so that the same
 * figure has the same pixels on every machine.
 * @throws {@link ParameterError} if there is no panel.
 */
export function renderFigure(panels: readonly Panel[], options: FigureOptions = {}): RgbaImage {
  if (panels.length === 0) throw new ParameterError("figure: expected at least one panel, got none.");
  const layout = layOut(panels, options);
  const { columns, cellWidth, pictureHeight, margin, gap, headHeight, captionHeight, barHeight } = layout;
  const rows = Math.ceil(panels.length / columns);
  const cellHeight = captionHeight + pictureHeight + barHeight;
  const width = 2 * margin + columns * cellWidth + (columns - 1) * gap;
  const height = 2 * margin + headHeight + rows * cellHeight + (rows - 1) * gap;
  const figure = solidImage(width, height);
  drawHead(figure, layout, options);
  for (const [index, panel] of panels.entries()) {
    const left = margin + (index % columns) * (cellWidth + gap);
    const top = margin + headHeight + Math.floor(index / columns) * (cellHeight + gap);
    drawCaption(figure, panel, layout, left, top);
    const pictureLeft = left + Math.floor((cellWidth - panel.image.width) / 2);
    const pictureTop = top + captionHeight + Math.floor((pictureHeight - panel.image.height) / 2);
    const { width, height } = panel.image;
    fillRectangle(figure, { left: pictureLeft - 1, top: pictureTop - 1, width: width + 2, height: 1 }, frame);
    fillRectangle(
      figure,
      { left: pictureLeft - 1, top: pictureTop + height, width: width + 2, height: 1 },
      frame,
    );
    fillRectangle(figure, { left: pictureLeft - 1, top: pictureTop, width: 1, height }, frame);
    fillRectangle(figure, { left: pictureLeft + width, top: pictureTop, width: 1, height }, frame);
    paste(figure, panel.image, pictureLeft, pictureTop);
    drawColorBar(figure, panel, layout, left, top + captionHeight + pictureHeight);
  }
  return figure;
}

function layOut(panels: readonly Panel[], options: FigureOptions): Layout {
  const pictureWidth = Math.max(...panels.map((panel) => panel.image.width));
  const fontSize = options.fontSize ?? Math.round(Math.min(30, Math.max(13, pictureWidth / 24)));
  const defaultColumns = panels.length <= 4 ? panels.length : Math.ceil(Math.sqrt(panels.length));
  const lines = (has: (panel: Panel) => unknown, height: number): number =>
    panels.some((panel) => has(panel) !== undefined) ? Math.round(height * fontSize) : 0;
  const hasHead = options.title !== undefined || options.subtitle !== undefined;
  const titleHeight = options.title === undefined ? 0 : Math.round(1.75 * fontSize);
  const subtitleHeight = options.subtitle === undefined ? 0 : Math.round(1.4 * fontSize);
  return {
    columns: Math.max(1, Math.min(options.columns ?? defaultColumns, panels.length)),
    cellWidth: Math.max(pictureWidth, 12 * fontSize),
    pictureHeight: Math.max(...panels.map((panel) => panel.image.height)),
    margin: Math.round(1.4 * fontSize),
    gap: Math.round(1.5 * fontSize),
    headHeight: hasHead ? titleHeight + subtitleHeight + Math.round(0.7 * fontSize) : 0,
    captionHeight:
      lines((panel) => panel.title, 1.35) + lines((panel) => panel.note, 1.25) + Math.round(0.35 * fontSize),
    barHeight: lines((panel) => panel.colorBar, 2.4),
    fontSize,
  };
}

function drawLine(
  figure: RgbaImage,
  text: string,
  place: { left: number; baseline: number; width: number },
  style: TextStyle,
  color: Rgb,
): void {
  drawText(figure, ellipsize(text, place.width, style), {
    ...style,
    left: place.left,
    baseline: place.baseline,
    color,
  });
}

function drawHead(figure: RgbaImage, { margin, fontSize }: Layout, { title, subtitle }: FigureOptions): void {
  const width = figure.width - 2 * margin;
  let baseline = margin;
  if (title !== undefined) {
    baseline += Math.round(1.15 * fontSize);
    drawLine(
      figure,
      title,
      { left: margin, baseline, width },
      { size: 1.3 * fontSize, weight: "semibold" },
      ink,
    );
    baseline += Math.round(0.6 * fontSize);
  }
  if (subtitle === undefined) return;
  baseline += Math.round(0.85 * fontSize);
  drawLine(figure, subtitle, { left: margin, baseline, width }, { size: 0.95 * fontSize }, mutedInk);
}

function drawCaption(
  figure: RgbaImage,
  { title, note }: Panel,
  { cellWidth, fontSize, captionHeight }: Layout,
  left: number,
  top: number,
): void {
  const bottom = top + captionHeight - Math.round(0.65 * fontSize);
  const place = { left, width: cellWidth };
  const titleBaseline = top + Math.round(fontSize);
  if (title !== undefined)
    drawLine(
      figure,
      title,
      { ...place, baseline: titleBaseline },
      { size: fontSize, weight: "semibold" },
      ink,
    );
  if (note !== undefined)
    drawLine(figure, note, { ...place, baseline: bottom }, { size: 0.88 * fontSize }, mutedInk);
}

function drawColorBar(
  figure: RgbaImage,
  { colorBar, image }: Panel,
  { cellWidth, fontSize }: Layout,
  left: number,
  top: number,
): void {
  if (colorBar === undefined) return;
  const table = colorTable(colorBar.colorMap);
  const width = Math.min(cellWidth, Math.max(image.width, 12 * fontSize));
  const barLeft = left + Math.floor((cellWidth - width) / 2);
  const barTop = top + Math.round(0.6 * fontSize);
  const height = Math.max(4, Math.round(0.45 * fontSize));
  for (let x = 0; x < width; x++) {
    const entry = Math.round((x / Math.max(1, width - 1)) * 255) * 3;
    const color: Rgb = [table[entry]!, table[entry + 1]!, table[entry + 2]!];
    fillRectangle(figure, { left: barLeft + x, top: barTop, width: 1, height }, color);
  }
  const { min, max } = colorBar.scale;
  const unit = Math.max(Math.abs(min), Math.abs(max));
  const style = { size: 0.85 * fontSize };
  const baseline = barTop + height + Math.round(1.05 * fontSize);
  const label = (text: string, share: number): void => {
    const labelWidth = textWidth(text, style);
    const labelLeft = Math.min(
      barLeft + width - labelWidth,
      Math.max(barLeft, barLeft + share * width - labelWidth / 2),
    );
    drawText(figure, text, { ...style, left: labelLeft, baseline, color: mutedInk });
  };
  label(formatValue(min, unit), 0);
  if (!(max > min)) return;
  label(formatValue(max, unit), 1);
  const zero = -min / (max - min);
  if (zero > 0.2 && zero < 0.8) label("0", zero);
}

/**
 * A number in at most three significant digits, with a true minus sign. What is below a thousandth of `unit` (default nothing) is 0.
 */
export function formatValue(value: number, unit = 0): string {
  const size = Math.abs(value);
  if (size <= unit / 1000) return "0";
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "−").replace("e+", "e");
}
