import { randomUUID } from "node:crypto";
import { RuntimeUnavailableError } from "../../errors.ts";
import { pause, type RedisClient } from "./bullmq.ts";

/** A coordinator that was not heard of for so long has died. */
const timeToLiveInMs = 10_000;

/** Takes the lock if it is free or ours, and says whether it is ours. */
const takeScript = `
local holder = redis.call("GET", KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1`;

const freeScript = `
if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
return 0`;

/** The right to write a run's records: two processes that both wrote what comes back would write it twice. */
export interface CoordinatorLock {
  /** Called at least every few seconds. @throws RuntimeUnavailableError if another process has taken the lock. */
  keep(): Promise<void>;
  free(): Promise<void>;
}

/** Waits until no other process coordinates a run, for as long as that takes. */
export async function lockCoordinator(
  client: RedisClient,
  hash: string,
  note: (text: string) => void,
): Promise<CoordinatorLock> {
  const key = `onnx-saliency:coordinator:${hash}`;
  const token = randomUUID();
  const take = async (): Promise<boolean> =>
    (await client.eval(takeScript, 1, key, token, timeToLiveInMs)) === 1;
  while (!(await take())) {
    note("queue: another evaluate fills this run's queue, or did a few seconds ago; waiting for it to end.");
    await pause(500);
  }
  return {
    async keep() {
      if (await take()) return;
      throw new RuntimeUnavailableError(
        "queue: this process was away for so long that another evaluate has taken the run over. Let that one end.",
      );
    },
    async free() {
      await client.eval(freeScript, 1, key, token);
    },
  };
}
