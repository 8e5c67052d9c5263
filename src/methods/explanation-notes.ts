import type { Model } from "../runtime/model.ts";

/** From here on the gradient of a probability is lost in the rounding of float32. */
const saturatedProbability = 0.9999;

/** What {@link explanationNotes} looks at. */
interface NoteFacts {
  readonly model: Pick<Model, "probabilityKind" | "notes">;
  /** Parameters of the method; `score` says what was differentiated, where the method differentiates. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly probability: number;
}

/**
 * Sentences for whoever reads a map: what of the model was changed or has to be known (`Model.notes`), and what was explained
 * in place of what could have been expected. Why a map is empty is said by `degenerate`.
 */
export function explanationNotes({ model, params, probability }: NoteFacts): readonly string[] {
  const notes = [...(model.notes ?? [])];
  if (params["score"] === "logit" && probability > saturatedProbability) {
    notes.push(
      `The ${model.probabilityKind} is saturated (probability ${probability.toFixed(5)}), so its gradient vanishes: the logit before it was explained.`,
    );
  }
  return notes;
}
