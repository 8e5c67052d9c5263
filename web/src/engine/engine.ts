import type { CallName, Calls, FromWorker, Progress, ToWorker } from "./protocol.ts";

/** Work under way in the worker. */
export interface Job<Answer> {
  readonly answer: Promise<Answer>;
  /** Gives the work up. */
  abort(): void;
  /** Ends it early with the best result so far. */
  stop(): void;
  pause(): void;
  resume(): void;
}

/** The work was given up; nothing to report. */
export class JobAborted extends Error {}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

/** The page's side of the worker, in which everything that takes time happens. */
export class Engine {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;

  constructor() {
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "engine" });
    this.worker.onmessage = (event: MessageEvent<FromWorker>) => this.receive(event.data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error(
        `The part of the page that computes has ended (${event.message || "out of memory?"}). Reload the page; close other tabs if memory is short.`,
      );
      for (const waiting of this.waiting.values()) waiting.reject(error);
      this.waiting.clear();
    };
  }

  call<Name extends CallName>(
    name: Name,
    ask: Calls[Name]["ask"],
    onProgress?: (progress: Progress) => void,
  ): Job<Calls[Name]["answer"]> {
    const id = this.nextId++;
    const answer = new Promise<Calls[Name]["answer"]>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, onProgress });
    });
    this.post({ kind: "call", id, name, ask });
    return {
      answer,
      abort: () => this.post({ kind: "abort", id }),
      stop: () => this.post({ kind: "stop", id }),
      pause: () => this.post({ kind: "pause", id }),
      resume: () => this.post({ kind: "resume", id }),
    };
  }

  close(): void {
    this.worker.terminate();
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromWorker): void {
    const waiting = this.waiting.get(message.id);
    if (waiting === undefined) return;
    switch (message.kind) {
      case "progress":
        waiting.onProgress?.(message.progress);
        return;
      case "answer":
        waiting.resolve(message.answer);
        break;
      case "error":
        waiting.reject(message.isAborted ? new JobAborted(message.message) : new Error(message.message));
        break;
    }
    this.waiting.delete(message.id);
  }
}
