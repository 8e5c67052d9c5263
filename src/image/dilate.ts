import type { Segmentation } from "./segmentation.ts";

/** The offsets of a filled circle, `dx^2 + dy^2 <= radius^2`: 81 pixels for radius 5. */
export function diskOffsets(radius: number): readonly (readonly [dy: number, dx: number])[] {
  const offsets: [number, number][] = [];
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++)
      if (dy * dy + dx * dx <= radius * radius) offsets.push([dy, dx]);
  }
  return offsets;
}

/**
 * The pixels (ascending raster indices) of each segment after dilation by a disk; overlapping for a radius above 0.
 * Only pixels at a segment's border are dilated: the interior reaches nothing new.
 * @param radius In pixels. Default 5, as XRAI.
 */
export function dilatedSegments(segmentation: Segmentation, radius = 5): readonly Int32Array[] {
  const { width, height, labels, count } = segmentation;
  const members: number[][] = Array.from({ length: count }, () => []);
  for (let pixel = 0; pixel < labels.length; pixel++) members[labels[pixel]!]!.push(pixel);
  if (radius === 0) return members.map((pixels) => Int32Array.from(pixels));
  const disk = diskOffsets(radius);
  const dys = Int32Array.from(disk, ([dy]) => dy);
  const dxs = Int32Array.from(disk, ([, dx]) => dx);
  const owner = new Int32Array(width * height).fill(-1);
  return members.map((pixels, segment) => {
    const reached: number[] = [...pixels];
    for (const pixel of pixels) owner[pixel] = segment;
    for (const pixel of pixels) {
      if (!isBorder(labels, pixel, width)) continue;
      const y = Math.floor(pixel / width);
      const x = pixel % width;
      for (let index = 0; index < dys.length; index++) {
        const column = x + dxs[index]!;
        const row = y + dys[index]!;
        if (column < 0 || column >= width || row < 0 || row >= height) continue;
        const target = row * width + column;
        if (owner[target] === segment) continue;
        owner[target] = segment;
        reached.push(target);
      }
    }
    return Int32Array.from(reached).sort();
  });
}

function isBorder(labels: Int32Array, pixel: number, width: number): boolean {
  const label = labels[pixel];
  const x = pixel % width;
  return (
    (x > 0 && labels[pixel - 1] !== label) ||
    (x + 1 < width && labels[pixel + 1] !== label) ||
    (pixel >= width && labels[pixel - width] !== label) ||
    (pixel + width < labels.length && labels[pixel + width] !== label)
  );
}
