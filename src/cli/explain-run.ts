import type { Method } from "../methods/define-method.ts";
import type { NodeModel } from "../node.ts";
import type { CliContext } from "./cli-context.ts";
import type { ExplainRequest } from "./explain-request.ts";
import type { JointProgress } from "./joint-progress.ts";
import type { OutputDirectory } from "./output-directory.ts";
import type { ProgressBar } from "./progress.ts";
import type { Stopper } from "./stopper.ts";

/** How results are reported. */
export interface ExplainOutput {
  /** Print records as JSON lines, and nothing else on standard output. */
  readonly json: boolean;
  readonly quiet: boolean;
}

/** A method with its checked parameters. */
export interface ChosenMethod {
  readonly method: Method;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What stays the same for all images of a run. */
export interface ExplainRun {
  readonly request: ExplainRequest;
  readonly output: ExplainOutput;
  readonly context: CliContext;
  readonly model: NodeModel;
  readonly methods: readonly ChosenMethod[];
  readonly directory: OutputDirectory | undefined;
  readonly progress: ProgressBar;
  /** The same bar, shared by what goes on at once. */
  readonly joint: JointProgress;
  readonly stopper: Stopper;
  /** Lets only so many explanations run at once. */
  readonly gate: <T>(task: () => Promise<T>) => Promise<T>;
  /** Images, and targets of an image, that are explained at once. */
  readonly width: number;
}

/** Explanations at once. More fill no batch better, and each holds its image. */
const mostAtOnce = 4;

/**
 * How many maps to make at once. Requests of methods that ask for small batches again and again share runs of the
 * network; a method that fills its batches by itself, or needs one run, gains nothing. Where seconds are counted, one
 * map must not be slowed down by another.
 */
export function explanationsAtOnce(
  methods: readonly ChosenMethod[],
  budget: ExplainRequest["budget"],
): number {
  const profits = methods.some(({ method: { family } }) =>
    ["perturbation", "aop", "region"].includes(family),
  );
  return profits && budget?.seconds === undefined ? mostAtOnce : 1;
}
