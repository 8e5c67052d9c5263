import { ModelError } from "../../errors.ts";
import { placeCount } from "../../image/extent.ts";
import { camMethod } from "./cam-method.ts";
import { perChannel, sumOverPlaces, weightedSum } from "./cam-rule.ts";

/**
 * CAM: w_k is the classifier's weight of the class on the global average of channel k, S = sum_k w_k A_k. Read from the
 * gradient, which on such a network is w_k / Z at each of the Z places.
 * @throws `ModelError` if the gradient differs from place to place: then something else than global average pooling and
 * a linear layer follows.
 */
export const cam = camMethod({
  name: "cam",
  title: "CAM",
  paper: { authors: "Zhou et al.", year: 2016, url: "https://arxiv.org/abs/1512.04150" },
  summary:
    "Channels weighted as the classifier weights their averages; only for global average pooling and one linear layer.",
  params: {},
  map(layer) {
    const area = placeCount(layer);
    const largest = layer.gradients.reduce((max, g) => Math.max(max, Math.abs(g)), 0);
    for (let index = 0; index < layer.gradients.length; index++) {
      const first = layer.gradients[index - (index % area)]!;
      if (Math.abs(layer.gradients[index]! - first) <= 1e-4 * largest) continue;
      throw new ModelError(
        "cam: expected a layer followed by global average pooling and one linear layer, got a gradient that differs from place to place. " +
          "Use tap=after-activation if a ReLU follows the layer, or grad-cam or hires-cam, which need no such structure.",
      );
    }
    return weightedSum(
      layer,
      perChannel(layer, (channel) => sumOverPlaces(layer, channel, (_, g) => g)),
    );
  },
});
