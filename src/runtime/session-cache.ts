import type { ProgramGraph } from "./program-graph.ts";
import type { Session } from "./session.ts";

/** A program's graph with its session. */
export interface ProgramSession {
  readonly graph: ProgramGraph;
  readonly session: Session;
}

interface Entry {
  readonly made: Promise<ProgramSession>;
  users: number;
}

/** Keeps the sessions used last; each holds its own packed copy of the weights, so their number is bounded. */
export class SessionCache {
  private readonly entries = new Map<string, Entry>();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Works with the session of a key, made if there is none. It is not released meanwhile. */
  async use<T>(
    key: string,
    make: () => Promise<ProgramSession>,
    work: (session: ProgramSession) => Promise<T>,
  ): Promise<T> {
    const entry = this.entry(key, make);
    entry.users++;
    try {
      return await work(await entry.made);
    } finally {
      entry.users--;
    }
  }

  async close(): Promise<void> {
    const open = [...this.entries.values()];
    this.entries.clear();
    await Promise.allSettled(open.map(async ({ made }) => (await made).session.release()));
  }

  private entry(key: string, make: () => Promise<ProgramSession>): Entry {
    const existing = this.entries.get(key);
    // Moved to the end: the least recently used comes first.
    this.entries.delete(key);
    const entry = existing ?? { made: make(), users: 0 };
    this.entries.set(key, entry);
    if (existing === undefined) {
      entry.made.catch(() => this.entries.delete(key));
      this.evict(key);
    }
    return entry;
  }

  private evict(newest: string): void {
    for (const [key, { made, users }] of this.entries) {
      if (this.entries.size <= this.limit) return;
      if (users > 0 || key === newest) continue;
      this.entries.delete(key);
      made.then(({ session }) => session.release()).catch(() => undefined);
    }
  }
}
