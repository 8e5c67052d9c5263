import { AbortedError } from "../errors.ts";
import type { MethodContext } from "./define-method.ts";

/** What ends work: `signal` with an error, `stop` with what there is. */
type Ends = Pick<MethodContext<unknown>, "signal" | "stop">;

/**
 * Does work that `stop` breaks off in the middle, so that nobody waits for the end of an iteration or batch.
 *
 * @param work gets a signal that fires when either of the two does.
 * @param soFar what there is instead, where `stop` broke the work off.
 */
export async function unlessStopped<T>(
  { signal, stop }: Ends,
  work: (signal: AbortSignal) => Promise<T>,
  soFar: () => T,
): Promise<T> {
  const either = new AbortController();
  const abort = (): void => either.abort();
  const signals = [signal, stop].filter((given) => given !== undefined);
  for (const given of signals) {
    if (given.aborted) abort();
    given.addEventListener("abort", abort);
  }
  try {
    return await work(either.signal);
  } catch (error) {
    if (error instanceof AbortedError && stop?.aborted === true && signal?.aborted !== true) return soFar();
    throw error;
  } finally {
    for (const given of signals) given.removeEventListener("abort", abort);
  }
}
