import type { JobNotice, JobOrder } from "./job-pool.ts";
import { openBench } from "./open-bench.ts";
import { openImageRunner } from "./run.ts";
import { readRunFile } from "./run-folder.ts";

export interface JobRequest {
  readonly folder: string;
  readonly recordsFile: string;
  readonly threads: number;
  readonly strict: boolean;
  readonly retryFailures: boolean;
}

/** The life of a job: opens the bench, evaluates the images it is sent, and ends when there are no more or its parent is gone. */
export async function serveJob(request: JobRequest): Promise<void> {
  const say = (notice: JobNotice): void => {
    process.send?.(notice);
  };
  process.on("disconnect", () => process.exit(0));
  try {
    const { configuration } = readRunFile(request.folder);
    const { bench, dataset, close } = await openBench(configuration, {
      threads: request.threads,
      strict: request.strict,
    });
    const runner = await openImageRunner({
      folder: request.folder,
      recordsFile: request.recordsFile,
      bench,
      dataset,
      saveMaps: configuration.saveMaps,
      retryFailures: request.retryFailures,
      observer: {
        onRecord: (record) => say({ kind: "record", record }),
        onImage: (index) => say({ kind: "done", index }),
      },
    });
    await new Promise<void>((resolve, reject) => {
      process.on("message", (order: JobOrder) => {
        if (order.kind === "end") resolve();
        else runner.run(order.index).catch(reject);
      });
      say({ kind: "ready" });
    });
    runner.close();
    await close();
    process.disconnect();
  } catch (error) {
    say({ kind: "broken", message: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
}
