import type { LoadModelOptions } from "../node.ts";
import type { ImageSize } from "../runtime/image-input.ts";
import { parseFeeds } from "../runtime/parse-feeds-node.ts";

/** What commands can be told of a network's inputs and outputs, as text. */
export interface NetworkChoice {
  /** Each `NAME=VALUE` or `NAME=FILE.npy`. */
  readonly feed?: readonly string[] | undefined;
  /** The value with the class scores. */
  readonly output?: string | undefined;
  /** Height and width (of a volume: depth first), for a network that takes any. */
  readonly size?: ImageSize | undefined;
}

/** The same for `loadModel`. */
export function networkOptions({
  feed,
  output,
  size,
}: NetworkChoice): Pick<LoadModelOptions, "feeds" | "output" | "size"> {
  return {
    ...(feed !== undefined && feed.length > 0 && { feeds: parseFeeds(feed) }),
    ...(output !== undefined && { output }),
    ...(size !== undefined && { size }),
  };
}
