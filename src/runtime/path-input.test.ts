import { afterAll, expect, it } from "vitest";
import { smallConvolutional } from "../../tests/support/small-models.ts";
import { mersenneStream } from "../random/random-stream.ts";
import { tensor, type Tensor } from "../tensor/tensor.ts";
import { pathProgram } from "./path-input.ts";

const stream = mersenneStream(4);
const draw = (): number => stream.normal();
const model = smallConvolutional(draw, { batchSize: 2 });
afterAll(() => model.close());
const normals = (): Tensor => tensor(Float32Array.from({ length: 3 * 256 }, draw), [1, 3, 16, 16]);
const [baseline, end] = [normals(), normals()];
const positions = [0, 0.3, 1];
const target = { index: 1 };
const gradients = async (from: Tensor): Promise<Tensor> => {
  const position = tensor(positions, [3, 1, 1, 1]);
  const feeds = { batched: { position }, shared: { baseline: from, end } };
  const { outputs } = await model.run(pathProgram(model), feeds, { target, score: "logit" });
  return outputs["gradient:image"]!;
};

it("gives the gradients at images of the path, over several batches", async () => {
  const result = await gradients(baseline);
  expect(result.dims).toEqual([3, 3, 16, 16]);
  // Rounded after each operation, as the graph does.
  const images = positions.flatMap((position) =>
    Array.from(end.data, (value, at) => {
      const from = baseline.data[at]!;
      return Math.fround(Math.fround(Math.fround(position) * Math.fround(value - from)) + from);
    }),
  );
  const { gradient } = await model.gradient(tensor(images, [3, 3, 16, 16]), { target });
  result.data.forEach((value, at) => expect(value).toBeCloseTo(gradient!.data[at]!, 6));
});

it("keeps paths from different baselines apart where they share batches", async () => {
  const other = normals();
  const alone = [await gradients(baseline), await gradients(other)];
  const together = await Promise.all([gradients(baseline), gradients(other)]);
  together.forEach((each, index) =>
    each.data.forEach((value, at) => expect(value).toBeCloseTo(alone[index]!.data[at]!, 6)),
  );
  expect(alone[0]!.data).not.toEqual(alone[1]!.data);
});
