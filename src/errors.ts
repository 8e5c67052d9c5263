/**
 * Base of every error that a user can cause or meet. The message has four parts: where, what was expected,
 * what was found, what to do. `code` is stable and meant for programs.
 */
export abstract class ExplainError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** A parameter or option has a value outside its domain. */
export class ParameterError extends ExplainError {
  readonly code = "PARAMETER";
}

/** A tensor or image does not have the shape that the model or method needs. */
export class ShapeError extends ExplainError {
  readonly code = "SHAPE";
}

/** A model file is unreadable, damaged or not usable as an image classifier. */
export class ModelError extends ExplainError {
  readonly code = "MODEL";
}

/** An operator (or one of its attribute values) has no gradient rule, or cannot be analysed. */
export class UnsupportedOpError extends ExplainError {
  readonly code = "UNSUPPORTED_OP";
}

/** An image, label file, annotation file or array file is unreadable or inconsistent. */
export class DataError extends ExplainError {
  readonly code = "DATA";
}

/** Results cannot be written (a full disk, a folder without permission): the fault of the place, whatever was to be written. */
export class WriteError extends DataError {}

/** An optional runtime, execution provider or library is not present on this machine. */
export class RuntimeUnavailableError extends ExplainError {
  readonly code = "RUNTIME_UNAVAILABLE";
}

/** The caller's `AbortSignal` fired. */
export class AbortedError extends ExplainError {
  readonly code = "ABORTED";
}

/** Throws {@link AbortedError} if the signal has fired. Long loops call it between batches. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortedError("The work was stopped before it was finished.");
}

/**
 * Runs `work` on a node. Whatever goes wrong there for which nobody has a sentence is told of the node: its operands or attributes
 * do not fit together as the operator's definition demands, which ONNX Runtime has not looked at yet.
 *
 * @throws {ModelError}
 */
export function atNode<Result>(
  node: { readonly opType: string; readonly name: string },
  work: () => Result,
): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof ExplainError || !(error instanceof Error)) throw error;
    throw new ModelError(
      `${node.opType} at node '${node.name}': cannot be analysed (${error.message.replace(/^Internal error: /, "")}). ` +
        "Check the file with onnx.checker.check_model; if it passes, report this model.",
      { cause: error },
    );
  }
}

/** For our own mistakes only, never for a user's. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Internal error: ${message}`);
}

/** Ends a `switch` over a closed union: the compiler rejects a missing case. */
export function assertNever(value: never): never {
  throw new Error(`Internal error: unexpected value ${JSON.stringify(value)}`);
}
