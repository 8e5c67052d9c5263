import { describe, expect, it } from "vitest";
import { tensor, type Tensor } from "../tensor/tensor.ts";
import { BatchQueue, type BatchJob, type BatchPiece } from "./batch-queue.ts";

interface NumberJob extends BatchJob {
  readonly values: readonly number[];
}

const job = (values: readonly number[], key = "square", signal?: AbortSignal): NumberJob => ({
  key,
  values,
  count: values.length,
  signal,
});

/** Squares numbers and remembers the batches. */
function squaring(size: number): { readonly queue: BatchQueue<NumberJob>; readonly batches: number[][] } {
  const batches: number[][] = [];
  const run = async (pieces: readonly BatchPiece<NumberJob>[]): Promise<Record<string, Tensor>> => {
    const values = pieces.flatMap(({ job, start, end }) => job.values.slice(start, end));
    batches.push(values);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return {
      y: tensor(
        values.map((value) => value * value),
        [values.length, 1],
      ),
    };
  };
  return { queue: new BatchQueue(() => size, run), batches };
}

const numbers = (outputs: Readonly<Record<string, Tensor>>): readonly number[] =>
  Array.from(outputs["y"]?.data ?? []);

describe("BatchQueue", () => {
  it("cuts a job into batches and joins the outputs in order", async () => {
    const { queue, batches } = squaring(3);
    expect(numbers(await queue.submit(job([1, 2, 3, 4, 5, 6, 7])))).toEqual([1, 4, 9, 16, 25, 36, 49]);
    expect(batches).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  });

  it("fills batches with the samples of jobs that wait at the same time", async () => {
    const { queue, batches } = squaring(4);
    const results = await Promise.all([
      queue.submit(job([1, 2, 3])),
      queue.submit(job([4, 5, 6])),
      queue.submit(job([7])),
    ]);
    expect(results.map(numbers)).toEqual([[1, 4, 9], [16, 25, 36], [49]]);
    expect(batches).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7],
    ]);
  });

  it("never mixes jobs of different kinds", async () => {
    const { queue, batches } = squaring(4);
    await Promise.all([
      queue.submit(job([1], "a")),
      queue.submit(job([2], "b")),
      queue.submit(job([3], "a")),
    ]);
    expect(batches).toEqual([[1, 3], [2]]);
  });

  it("ends an aborted job at once and finishes the others of its batch", async () => {
    const { queue } = squaring(4);
    const controller = new AbortController();
    const stopped = queue.submit(job([1, 2], "square", controller.signal));
    const other = queue.submit(job([3]));
    setTimeout(() => controller.abort(), 1);
    await expect(stopped).rejects.toThrow("stopped");
    expect(numbers(await other)).toEqual([9]);
  });

  it("fails the jobs of a run that fails, and goes on", async () => {
    let runs = 0;
    const queue = new BatchQueue<NumberJob>(
      () => 2,
      async () => {
        runs++;
        if (runs === 1) throw new Error("out of memory");
        return { y: tensor([1], [1, 1]) };
      },
    );
    await expect(queue.submit(job([1]))).rejects.toThrow("out of memory");
    expect(numbers(await queue.submit(job([1])))).toEqual([1]);
  });
});
