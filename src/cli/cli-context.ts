/** What every command is given: where to write, and how it learns that it is to stop. */
export interface CliContext {
  /** Fires when the user interrupts the program. */
  readonly signal: AbortSignal;
  /**
   * Registers who is asked first when the program is interrupted: `true` means that the work will end by itself shortly
   * and must be waited for. A second interrupt asks nobody.
   */
  onFirstInterrupt(finish: () => boolean): void;
  /** Registers what must be undone at once when the program is interrupted, such as half-written files. */
  onInterrupt(undo: () => void): void;
  /** Writes a result: a line on standard output. */
  print(line: string): void;
  /** Writes a remark: a line on standard error. */
  note(line: string): void;
}
