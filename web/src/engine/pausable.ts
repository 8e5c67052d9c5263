import type { Model } from "onnx-saliency/web";

/** Holds work up while it is closed. */
export interface Gate {
  close(): void;
  open(): void;
  /** Resolves at once while the gate is open. */
  passed(): Promise<void>;
}

export function createGate(): Gate {
  let closed: { readonly opened: Promise<void>; readonly open: () => void } | undefined;
  return {
    close() {
      if (closed !== undefined) return;
      let open = (): void => {};
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      closed = { opened, open };
    },
    open() {
      closed?.open();
      closed = undefined;
    },
    passed: () => closed?.opened ?? Promise.resolve(),
  };
}

/**
 * The model as one job sees it: every question waits at the gate. A job that is paused goes on exactly where it was, and
 * others are not held up.
 */
export function pausable(model: Model, gate: Gate): Model {
  const overrides: Pick<Model, "logits" | "scores" | "gradient" | "activations" | "run"> = {
    logits: async (...rest) => {
      await gate.passed();
      return await model.logits(...rest);
    },
    scores: async (...rest) => {
      await gate.passed();
      return await model.scores(...rest);
    },
    gradient: async (...rest) => {
      await gate.passed();
      return await model.gradient(...rest);
    },
    activations: async (...rest) => {
      await gate.passed();
      return await model.activations(...rest);
    },
    run: async (...rest) => {
      await gate.passed();
      return await model.run(...rest);
    },
  };
  return Object.assign(Object.create(model) as Model, overrides);
}
