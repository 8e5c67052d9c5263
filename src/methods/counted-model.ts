import type { EvaluationCounts, Model } from "../runtime/model.ts";

/**
 * The same model, counting only the evaluations that are asked of it through this view: explanations that run at once
 * on one model each count their own.
 */
export function countedModel(model: Model): Model {
  let forward = 0;
  let gradient = 0;
  const count = (kind: "forward" | "gradient", images: number): void => {
    if (kind === "forward") forward += images;
    else gradient += images;
  };
  const counted: Partial<Model> = {
    get counts(): EvaluationCounts {
      return { forward, gradient };
    },
    async logits(images, options) {
      const result = await model.logits(images, options);
      count("forward", images.dims[0] ?? 0);
      return result;
    },
    async scores(images, ...rest) {
      const result = await model.scores(images, ...rest);
      count("forward", images.dims[0] ?? 0);
      return result;
    },
    async gradient(images, request) {
      const result = await model.gradient(images, request);
      count("gradient", images.dims[0] ?? 0);
      return result;
    },
    async activations(images, ...rest) {
      const result = await model.activations(images, ...rest);
      count("forward", images.dims[0] ?? 0);
      return result;
    },
    async run(program, ...rest) {
      const result = await model.run(program, ...rest);
      count((program.wrt ?? []).length > 0 ? "gradient" : "forward", result.scores.length);
      return result;
    },
  };
  return new Proxy(model, {
    get(target, key) {
      if (key in counted) return counted[key as keyof Model];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
