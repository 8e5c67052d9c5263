/**
 * Does `count` tasks, at most `width` at once, and rejects with what failed first.
 *
 * @param work gets `turn`, which fulfils when all tasks before have ended well: what must happen in order waits for it.
 *   Where a task before has failed, `turn` rejects.
 * @param cancel called once when a task fails, to end those under way.
 */
export async function inOrder(
  count: number,
  width: number,
  work: (index: number, turn: Promise<void>) => Promise<void>,
  cancel: () => void = () => undefined,
): Promise<void> {
  const running: Promise<void>[] = [];
  let failure: { readonly reason: unknown } | undefined;
  let turn = Promise.resolve();
  for (let index = 0; index < count; index++) {
    await running[index - width]?.catch(() => undefined);
    if (failure !== undefined) break;
    const task = work(index, turn).catch((reason: unknown) => {
      if (failure === undefined) {
        failure = { reason };
        cancel();
      }
      throw reason;
    });
    running.push(task);
    turn = Promise.all([turn, task]).then(() => undefined);
    // Whoever does not wait for its turn must not be told of by an unhandled rejection.
    turn.catch(() => undefined);
  }
  await Promise.allSettled(running);
  if (failure !== undefined) throw failure.reason;
}

/** Lets at most `width` tasks run at once, in the order in which they asked. */
export function createGate(width: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running === width) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      // The place is handed on rather than given back, so that nobody who asks now gets in before.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
