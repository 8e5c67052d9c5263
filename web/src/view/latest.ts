import { JobAborted, type Job } from "../engine/engine.ts";

/**
 * Asks for one thing at a time and only for the newest wish: a slider makes many wishes, and those in between need no
 * answer.
 */
export function createLatest<Wish, Answer>(
  ask: (wish: Wish) => Job<Answer>,
  take: (answer: Answer, wish: Wish) => void,
  fail: (error: unknown) => void,
): (wish: Wish) => void {
  let next: { readonly wish: Wish } | undefined;
  let isAsking = false;
  const go = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    while (next !== undefined) {
      const { wish } = next;
      next = undefined;
      try {
        take(await ask(wish).answer, wish);
      } catch (error) {
        if (!(error instanceof JobAborted)) fail(error);
      }
    }
    isAsking = false;
  };
  return (wish) => {
    next = { wish };
    void go();
  };
}
