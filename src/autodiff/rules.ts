import type { GraphBuilder } from "../graph/graph-builder.ts";
import type { GraphNode } from "../graph/graph.ts";

/** What a gradient rule sees. All values are names; `g` appends nodes and knows shapes, types and small constants. */
export interface VjpContext {
  readonly g: GraphBuilder;
  readonly node: GraphNode;
  /** Names of the inputs; `""` where absent. `x` is the first. */
  readonly inputs: readonly string[];
  readonly x: string;
  /** Names of the outputs; `y` is the first. */
  readonly outputs: readonly string[];
  readonly y: string;
  /**
   * Cotangent of the first output, in its shape or in a shape that broadcasts to it (a pooled gradient stays small).
   * Rules that need every element call `full(dy)`.
   */
  readonly dy: string;
  /** Cotangents of all outputs; `undefined` where none arrived. */
  readonly cotangents: readonly (string | undefined)[];
  /** Which inputs are wanted. */
  readonly needs: readonly boolean[];
  /** The cotangent expanded to the full shape of its value (output 0 by default). */
  readonly full: (cotangent: string, output?: number) => string;
  /**
   * Undoes numpy broadcasting: sums a cotangent of the first output (full or still small) over the axes along which
   * input `input` was repeated. Element-wise rules of several inputs end in it; see `elementwise`.
   */
  readonly sumTo: (cotangent: string, input: number) => string;
  /**
   * The rule of a composite operator: `build` appends standard nodes that compute the node's outputs from its inputs
   * (`""` for outputs without a gradient), and their rules give the thunks. Those that the backward nodes do not read
   * are dead: ONNX Runtime would run them all the same, so drop them (`liveNodes`) before the graph is written.
   */
  readonly composite: (build: () => readonly string[]) => readonly (VjpThunk | undefined)[];
  /** Replaced rules; an operator that holds others looks for those of its parts here (`composite` does by itself). */
  readonly overrides: RuleOverrides;
}

/** Makes the cotangent of one input. Called only if that input is wanted. */
export type VjpThunk = () => string;

/**
 * Returns one thunk an input; `undefined` for inputs without a gradient (indices, shapes).
 * A cotangent has the input's shape or a shape that broadcasts to it. Throws `UnsupportedOpError` for attribute values that it does not cover.
 */
export type Vjp = (context: VjpContext) => readonly (VjpThunk | undefined)[];

/** Rules by operator type. Operators outside the standard domain are keyed `domain:OpType`. */
export type VjpTable = Readonly<Record<string, Vjp>>;

/** What an override gets: the rule's context, and the rule it replaces. */
export interface OverrideContext extends VjpContext {
  /** The cotangent of the first input by the standard rule, for another cotangent of the output. */
  readonly defaultVjp: (dy: string) => string;
}

/**
 * Replaces gradient rules by operator type, or for single nodes by name (`node:NAME`, which wins). Returns the cotangent
 * of the node's first input. Used for guided backpropagation, deconvnet, gradient stops, LRP-like rules.
 */
export type RuleOverrides = Readonly<Record<string, (context: OverrideContext) => string>>;

/** The rule of an operator with one differentiable input. */
export function unary(rule: (context: VjpContext) => string): Vjp {
  return (context) => [() => rule(context)];
}

/** The rule of an element-wise operator whose inputs are broadcast: one function an input; the broadcast is undone here. */
export function elementwise(...rules: readonly ((context: VjpContext) => string)[]): Vjp {
  return (context) =>
    context.inputs.map((_, input) => {
      const rule = rules[input];
      return rule === undefined ? undefined : () => context.sumTo(rule(context), input);
    });
}
