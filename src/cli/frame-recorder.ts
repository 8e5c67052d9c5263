import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fitForDisplay } from "../image/display-size.ts";
import { decodeImage } from "../image/decode-node.ts";
import { toRgba } from "../image/decoded-image.ts";
import { encodeAnimation, encodeImage } from "../image/encode-node.ts";
import { renderFigure } from "../image/figure.ts";
import { overlayScale, renderOverlay } from "../image/overlay.ts";
import type { RgbaImage } from "../image/rgba-image.ts";
import type { SaliencyMap } from "../image/saliency-map.ts";
import type { Method, MethodProgress } from "../methods/define-method.ts";
import type { LoadedImage } from "../node.ts";
import type { PictureStyle } from "./explanation-picture.ts";
import { OutputDirectory } from "./output-directory.ts";

/** More frames than this are not seen one by one; a film of RISE has thousands of steps. */
const maxFrames = 60;

/** Longer side of a frame's picture in pixels. */
const maxSide = 384;

/** Where a film is. */
export interface FrameFiles {
  /** Folder of `000.png`, `001.png`, ... */
  readonly frames: string;
  /** The same frames as an animated WebP. */
  readonly animation: string;
}

/** Writes the intermediate maps of one explanation. */
export interface FrameRecorder {
  /** Takes the map of a progress report if it is time for a frame. */
  progress(progress: MethodProgress): void;
  /** Adds the final map, waits until all is written and makes the animation; `undefined` if there were no maps. */
  finish(map: SaliencyMap): Promise<FrameFiles | undefined>;
}

/**
 * Writes frames as they come, so that memory does not grow with their number: a map that is waiting to be written is
 * all that is held.
 *
 * @param name of the results, without ending; the frames go to `NAME.frames/` and `NAME.frames.webp` in `folder`.
 * @param onFolder told of the folder that is written to, for what is half-written at an interrupt.
 */
export function createFrameRecorder(
  target: { readonly folder: OutputDirectory; readonly name: string },
  { photograph, placement }: Pick<LoadedImage, "photograph" | "placement">,
  method: Pick<Method, "title">,
  style: PictureStyle,
  onFolder: (folder: OutputDirectory) => void,
): FrameRecorder {
  const shown = fitForDisplay(photograph, { maxSide });
  const folder = new OutputDirectory(join(target.folder.path, `${target.name}.frames`));
  let writing: Promise<void> | undefined;
  let count = 0;
  let slot = -1;
  let last: { readonly done: number; readonly total: number; readonly objective?: number } | undefined;
  let written = -1;
  let failure: { readonly reason: unknown } | undefined;

  const add = (map: SaliencyMap, { done, total, objective }: NonNullable<typeof last>): void => {
    const frame = count++;
    written = done;
    const note = `${done} of ${total}${objective === undefined ? "" : `, objective ${objective.toPrecision(4)}`}`;
    writing = (writing ?? start())
      .then(async () => {
        const isSigned = map.isSigned === true;
        const options = { placement, isSigned, ...style };
        const colorBar = {
          colorMap: style.colorMap ?? (isSigned ? "blue-red" : "turbo"),
          // A scale of its own for each frame: masks begin with values that the final scale would hide.
          scale: overlayScale(map, options),
        };
        const image = renderOverlay(shown, map, options);
        const picture = renderFigure([{ image, title: method.title, note, colorBar }]);
        await folder.write(`${String(frame).padStart(3, "0")}.png`, await encodeImage(picture, "png"));
      })
      .catch((reason: unknown) => {
        failure ??= { reason };
      });
  };
  const start = async (): Promise<void> => {
    onFolder(folder);
    await folder.prepare();
    // Frames of an earlier, longer film would be taken for this one's.
    for (const file of await readdir(folder.path)) {
      if (/^\d{3}\.png$/.test(file)) await rm(join(folder.path, file));
    }
  };

  return {
    progress({ done, total, objective, map }) {
      last = { done, total, ...(objective !== undefined && { objective }) };
      // One frame is kept for the final map.
      const next = Math.floor((done * (maxFrames - 2)) / Math.max(1, total));
      if (map === undefined || next === slot) return;
      slot = next;
      add(map(), last);
    },
    async finish(map) {
      if (count === 0 || last === undefined) return undefined;
      if (written !== last.done) add(map, last);
      await writing;
      if (failure !== undefined) throw failure.reason;
      const frames: RgbaImage[] = [];
      for (let frame = 0; frame < count; frame++) {
        const path = join(folder.path, `${String(frame).padStart(3, "0")}.png`);
        frames.push(toRgba(await decodeImage(path)));
      }
      const film = await encodeAnimation(frames);
      const animation = await target.folder.write(`${target.name}.frames.webp`, film);
      return { frames: folder.path, animation };
    },
  };
}
