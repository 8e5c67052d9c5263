import { GraphBuilder } from "../../src/graph/graph-builder.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mersenneStream } from "../../src/random/random-stream.ts";
import { writeNpy } from "../../src/tensor/npy.ts";
import { filled, tensor } from "../../src/tensor/tensor.ts";
import { pooledClassifier } from "./small-model.ts";

/** A volume `[1, 1, 24, 32, 40]` of weak noise with a bright ball, as a `.npy` file: its centre is at slice 15, row 10, column 27. */
export function ballFile(): Uint8Array {
  const [depth, height, width] = [24, 32, 40];
  const random = mersenneStream(3);
  const volume = filled([depth, height, width]);
  for (let place = 0; place < volume.data.length; place++) {
    const [z, y, x] = [
      Math.floor(place / (height * width)),
      Math.floor(place / width) % height,
      place % width,
    ];
    const isInside = Math.hypot(z - 15, y - 10, x - 27) <= 4;
    volume.data[place] = 0.1 * random.normal() + (isInside ? 1 : 0);
  }
  return writeNpy(volume);
}

/** A network for it: means of blocks of 2 x 2 x 2 voxels, bright and dark, global average pooling and a linear layer. */
export function ballModelFile(): Uint8Array {
  const g = GraphBuilder.empty(17, "ball");
  const x = g.input("volume", ["batch", 1, 24, 32, 40]);
  const mean = (sign: number): readonly number[] => Array.from({ length: 8 }, () => sign / 8);
  const weights = g.constant(tensor([...mean(1), ...mean(-1)], [2, 1, 2, 2, 2]));
  const blocks = g.node("Conv", [x, weights, g.floats([-0.2, 0], [2])], {
    kernel_shape: [2, 2, 2],
    strides: [2, 2, 2],
  });
  g.output(pooledClassifier(g, g.unary("Relu", blocks), tensor([2, 0.5, -1, 3], [2, 2])), "logits");
  return writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }).bytes;
}
