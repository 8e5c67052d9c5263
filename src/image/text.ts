import { regularGlyphs, semiboldGlyphs, unitsPerEm } from "./glyph-outlines.ts";
import { type Contour, coverage } from "./rasterize.ts";
import type { Rgb, RgbaImage } from "./rgba-image.ts";

export interface TextStyle {
  /** Font size (em) in pixels. */
  readonly size: number;
  /** Default `regular`. */
  readonly weight?: "regular" | "semibold";
}

/** The width of a line of text in pixels (fractional). */
export function textWidth(text: string, style: TextStyle): number {
  let width = 0;
  for (const character of drawable(text)) width += Number.parseInt(glyphOf(character, style), 10);
  return (width * style.size) / unitsPerEm;
}

/** The text, or as much of its beginning as fits with an ellipsis after it. */
export function ellipsize(text: string, maxWidth: number, style: TextStyle): string {
  if (textWidth(text, style) <= maxWidth) return text;
  const characters = Array.from(text);
  while (characters.length > 0 && textWidth(`${characters.join("").trimEnd()}…`, style) > maxWidth)
    characters.pop();
  return `${characters.join("").trimEnd()}…`;
}

/**
 * Draws a line of text from `left` on with its baseline at `baseline`, in pixels. Latin letters are drawn as they are, others
 * without their accents if that helps, else as a question mark. Changes `image.data`.
 */
export function drawText(
  image: RgbaImage,
  text: string,
  style: TextStyle & { readonly left: number; readonly baseline: number; readonly color: Rgb },
): void {
  const ascent = Math.ceil(style.size * 1.1);
  const height = Math.ceil(style.size * 1.5);
  const width = Math.ceil(textWidth(text, style)) + 2;
  const left = Math.floor(style.left) - 1;
  const top = Math.round(style.baseline) - ascent;
  const scale = style.size / unitsPerEm;
  const contours: Contour[] = [];
  let position = style.left - left;
  for (const character of drawable(text)) {
    const glyph = glyphOf(character, style);
    contours.push(...glyphContours(glyph, position, ascent, scale));
    position += Number.parseInt(glyph, 10) * scale;
  }
  const shares = coverage(contours, width, height);
  for (let y = Math.max(0, -top); y < Math.min(height, image.height - top); y++) {
    for (let x = Math.max(0, -left); x < Math.min(width, image.width - left); x++) {
      const share = shares[y * width + x]!;
      const offset = ((top + y) * image.width + left + x) * 4;
      for (let channel = 0; channel < 3; channel++) {
        const under = image.data[offset + channel]!;
        image.data[offset + channel] = under + (style.color[channel]! - under) * share;
      }
    }
  }
}

function glyphOf(character: string, style: TextStyle): string {
  return (style.weight === "semibold" ? semiboldGlyphs : regularGlyphs)[character] ?? "";
}

/** The characters there are glyphs for. */
function drawable(text: string): string[] {
  return Array.from(text.normalize("NFC").replaceAll(/\s/g, " ")).map((character) => {
    if (Object.hasOwn(regularGlyphs, character)) return character;
    const [base = "?"] = character.normalize("NFKD");
    return Object.hasOwn(regularGlyphs, base) ? base : "?";
  });
}

/** The contours of a glyph in pixels, curves cut into lines short enough not to be seen. */
function glyphContours(glyph: string, left: number, baseline: number, scale: number): Contour[] {
  const contours: number[][] = [];
  let x = 0;
  let y = 0;
  for (const [, command, numbers] of glyph.matchAll(/([mlq])([-\d ]+)/g)) {
    const [a = 0, b = 0, c = 0, d = 0] = (numbers ?? "").match(/-?\d+/g)?.map(Number) ?? [];
    const add = (px: number, py: number): void => {
      contours.at(-1)?.push(left + px * scale, baseline - py * scale);
    };
    if (command === "m") contours.push([]);
    if (command === "q") {
      const pieces = Math.max(2, Math.ceil(Math.sqrt(scale * (Math.abs(c) + Math.abs(d)))));
      for (let piece = 1; piece <= pieces; piece++) {
        const t = piece / pieces;
        add(x + 2 * t * (1 - t) * a + t * t * c, y + 2 * t * (1 - t) * b + t * t * d);
      }
      x += c;
      y += d;
    } else {
      x += a;
      y += b;
      add(x, y);
    }
  }
  return contours;
}
