import { type Contour, coverage } from "./rasterize.ts";
import { type Rgb, type RgbaImage, solidImage } from "./rgba-image.ts";
import { drawText, textWidth, type TextStyle } from "./text.ts";

/** A stroke through points, or a line of words. All measures in pixels, y down. */
export type Shape =
  | {
      readonly kind: "stroke";
      /** x and y alternating. */
      readonly points: readonly number[];
      readonly color: Rgb;
      readonly width: number;
      /** Lengths of dashes and gaps in turn; a solid line if absent. */
      readonly dashes?: readonly number[];
      /** For those who cannot see it, and as a tooltip. */
      readonly label?: string;
    }
  | {
      readonly kind: "text";
      readonly text: string;
      readonly x: number;
      readonly baseline: number;
      readonly style: TextStyle;
      readonly color: Rgb;
      readonly anchor?: "start" | "middle" | "end";
    };

/** Shapes on white paper, drawn in their order; becomes pixels or an SVG file. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** For those who cannot see it. */
  readonly title: string;
  readonly shapes: readonly Shape[];
}

/** A drawing as pixels; the same on every machine. */
export function drawingToImage({ width, height, shapes }: Drawing): RgbaImage {
  const image = solidImage(width, height);
  for (const shape of shapes) {
    if (shape.kind === "stroke") {
      paintStroke(image, shape);
      continue;
    }
    const share = { start: 0, middle: 0.5, end: 1 }[shape.anchor ?? "start"];
    const left = shape.x - share * textWidth(shape.text, shape.style);
    drawText(image, shape.text, { ...shape.style, left, baseline: shape.baseline, color: shape.color });
  }
  return image;
}

/** A drawing as an SVG file that stands for itself. */
export function drawingToSvg({ width, height, title, shapes }: Drawing): string {
  const elements = shapes.map((shape) => {
    if (shape.kind === "text") {
      const weight = shape.style.weight === "semibold" ? ' font-weight="600"' : "";
      return `<text x="${digits(shape.x)}" y="${digits(shape.baseline)}" font-size="${digits(shape.style.size)}"${weight} fill="${css(shape.color)}" text-anchor="${shape.anchor ?? "start"}">${escapeXml(shape.text)}</text>`;
    }
    const dashes = shape.dashes === undefined ? "" : ` stroke-dasharray="${shape.dashes.join(" ")}"`;
    const label = shape.label === undefined ? "" : `<title>${escapeXml(shape.label)}</title>`;
    const points = pairs(shape.points).map(([x, y]) => `${digits(x)},${digits(y)}`);
    return `<polyline points="${points.join(" ")}" stroke="${css(shape.color)}" stroke-width="${digits(shape.width)}"${dashes}>${label}</polyline>`;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" ` +
    `font-family="system-ui, sans-serif" fill="none" stroke-linejoin="round"><title>${escapeXml(title)}</title>\n` +
    `<rect width="${width}" height="${height}" fill="#fff"/>\n${elements.join("\n")}\n</svg>\n`
  );
}

function paintStroke(image: RgbaImage, stroke: Extract<Shape, { kind: "stroke" }>): void {
  const pieces =
    stroke.dashes === undefined ? [pairs(stroke.points)] : dashed(pairs(stroke.points), stroke.dashes);
  const radius = stroke.width / 2;
  const contours: Contour[] = pieces.flatMap((points) => [
    ...points.slice(1).map((to, index) => bar(points[index]!, to, radius)),
    // Where two bars meet, a disc fills the gap at the outer side of the bend.
    ...points.slice(1, -1).map((at) => disc(at, radius)),
  ]);
  const shares = coverage(contours, image.width, image.height);
  for (let pixel = 0; pixel < shares.length; pixel++) {
    const share = shares[pixel]!;
    if (share === 0) continue;
    for (let channel = 0; channel < 3; channel++) {
      const under = image.data[pixel * 4 + channel]!;
      image.data[pixel * 4 + channel] = under + (stroke.color[channel]! - under) * share;
    }
  }
}

type Point = readonly [x: number, y: number];

/** The rectangle around a piece of a line. All contours go round the same way, so that overlaps do not cancel. */
function bar([x0, y0]: Point, [x1, y1]: Point, radius: number): Contour {
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  const [nx, ny] = [(-(y1 - y0) / length) * radius, ((x1 - x0) / length) * radius];
  return [x0 + nx, y0 + ny, x0 - nx, y0 - ny, x1 - nx, y1 - ny, x1 + nx, y1 + ny];
}

function disc([x, y]: Point, radius: number): Contour {
  const corners = 12;
  return Array.from({ length: corners }, (_, corner) => {
    const angle = (2 * Math.PI * corner) / corners;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  }).flat();
}

/** The drawn pieces of a dashed line. */
function dashed(points: readonly Point[], dashes: readonly number[]): readonly (readonly Point[])[] {
  const pieces: Point[][] = [];
  let dash = 0;
  let left = dashes[0]!;
  let piece: Point[] = points[0] === undefined ? [] : [points[0]];
  const endPiece = (): void => {
    if (dash % 2 === 0 && piece.length > 1) pieces.push(piece);
  };
  for (const [index, [x1, y1]] of points.slice(1).entries()) {
    const [x0, y0] = points[index]!;
    const length = Math.hypot(x1 - x0, y1 - y0);
    let at = 0;
    while (length - at > left) {
      at += left;
      const here: Point = [x0 + ((x1 - x0) * at) / length, y0 + ((y1 - y0) * at) / length];
      piece.push(here);
      endPiece();
      piece = [here];
      dash = (dash + 1) % dashes.length;
      left = dashes[dash]!;
    }
    left -= length - at;
    piece.push([x1, y1]);
  }
  endPiece();
  return pieces;
}

function pairs(points: readonly number[]): readonly Point[] {
  return Array.from({ length: points.length / 2 }, (_, index): Point => [
    points[2 * index]!,
    points[2 * index + 1]!,
  ]);
}

function digits(value: number): string {
  return String(Number(value.toFixed(2)));
}

function css([red, green, blue]: Rgb): string {
  return `rgb(${red},${green},${blue})`;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
