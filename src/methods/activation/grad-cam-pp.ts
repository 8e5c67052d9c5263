import { z } from "zod";
import { camMethod } from "./cam-method.ts";
import { perChannel, sumOverPlaces, weightedSum } from "./cam-rule.ts";

/**
 * Grad-CAM++: w_k = sum_ij alpha_kij max(G_kij, 0), alpha = G^2 / (2 G^2 + G^3 sum_ab A_kab), alpha = 0 where G = 0 (eq. 19
 * of the paper, which holds for the class function exp(z_c); its factor is common to all channels and left out, as it
 * overflows). A denominator near 0 is kept at 1e-12 max G^2 in size, with its sign: an absolute epsilon would swamp the
 * small gradients of a last layer. `denominator=activation-times-gradient` is a reading found in several code bases,
 * sum_ab A_kab G_kab^3.
 */
export const gradCamPp = camMethod({
  name: "grad-cam-pp",
  title: "Grad-CAM++",
  paper: { authors: "Chattopadhyay et al.", year: 2018, url: "https://arxiv.org/abs/1710.11063" },
  summary: "Grad-CAM with a weighted mean of positive gradients; better for several objects of a class.",
  params: {
    denominator: z
      .enum(["activation", "activation-times-gradient"])
      .default("activation")
      .describe(
        "second term of the denominator: equation 19 of the paper, or a common misreading, to reproduce its numbers",
      ),
  },
  map(layer, { denominator }) {
    const largest = layer.gradients.reduce((max, g) => Math.max(max, g * g), 0);
    const least = 1e-12 * largest;
    const weight = (channel: number): number => {
      const total = sumOverPlaces(
        layer,
        channel,
        denominator === "activation" ? (a) => a : (a, g) => a * g ** 3,
      );
      return sumOverPlaces(layer, channel, (_, g) => {
        if (g === 0) return 0;
        const exact = 2 * g * g + (denominator === "activation" ? g ** 3 * total : total);
        const guarded = Math.abs(exact) >= least ? exact : exact < 0 ? -least : least;
        return guarded === 0 ? 0 : ((g * g) / guarded) * Math.max(g, 0);
      });
    };
    return weightedSum(layer, perChannel(layer, weight));
  },
});
