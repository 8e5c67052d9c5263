import { describe, expect, it } from "vitest";
import { AbortedError } from "../errors.ts";
import { unlessStopped } from "./stoppable.ts";

/** Work that ends with an error when its signal fires, and otherwise never. */
function endless(signal: AbortSignal): Promise<string> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new AbortedError("stopped"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
  });
}

describe("unlessStopped", () => {
  it("gives what the work gives, or what there is where it was stopped", async () => {
    const stop = new AbortController();
    expect(
      await unlessStopped(
        { stop: stop.signal },
        () => Promise.resolve("all"),
        () => "part",
      ),
    ).toBe("all");
    const stopped = unlessStopped({ stop: stop.signal }, endless, () => "part");
    stop.abort();
    expect(await stopped).toBe("part");
    expect(await unlessStopped({ stop: stop.signal }, endless, () => "at once")).toBe("at once");
  });

  it("fails where the work was aborted, or failed by itself", async () => {
    const signal = AbortSignal.abort();
    const stop = AbortSignal.abort();
    await expect(unlessStopped({ signal, stop }, endless, () => "part")).rejects.toThrow(AbortedError);
    const broken = () => Promise.reject(new Error("broken"));
    await expect(unlessStopped({ stop }, broken, () => "part")).rejects.toThrow("broken");
  });
});
