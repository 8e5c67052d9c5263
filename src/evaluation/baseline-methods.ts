import { z } from "zod";
import { defineMethod, type Method } from "../methods/define-method.ts";

const params = z.strictObject({});

/** Uniform noise: what a metric must not prefer anything to. Its over-all score is 0 in expectation. */
export const randomMap = defineMethod({
  name: "random",
  title: "Random map",
  family: "region",
  needs: "forward",
  paper: { authors: "Petsiuk, Das and Saenko", year: 2018, url: "https://arxiv.org/abs/1806.07421" },
  summary: "Uniform noise, as a baseline of metrics.",
  params,
  isClassAgnostic: true,
  cost: () => ({ f: 0, fb: 0 }),
  explain({ model: { width, height }, random }) {
    const stream = random("map");
    return Promise.resolve({
      width,
      height,
      values: Float32Array.from({ length: width * height }, () => stream.uniform()),
    });
  },
});

/** Minus the distance from the centre: photographs show their object in the middle. */
export const centerMap = defineMethod({
  name: "center",
  title: "Centre map",
  family: "region",
  needs: "forward",
  paper: { authors: "Fong, Patrick and Vedaldi", year: 2019, url: "https://arxiv.org/abs/1910.08485" },
  summary: "Closeness to the centre of the image, as a baseline of metrics.",
  params,
  isClassAgnostic: true,
  cost: () => ({ f: 0, fb: 0 }),
  explain({ model: { width, height } }) {
    const values = Float32Array.from({ length: width * height }, (_, index) => {
      const x = ((index % width) + 0.5) / width - 0.5;
      const y = (Math.floor(index / width) + 0.5) / height - 0.5;
      return 1 - Math.hypot(x, y) / Math.SQRT1_2;
    });
    return Promise.resolve({ width, height, values });
  },
});

/** Rows that every table has, to read the others by. */
export const baselineMethods: readonly Method[] = [randomMap, centerMap];
