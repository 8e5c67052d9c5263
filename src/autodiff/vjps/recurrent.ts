import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { floatAttribute, intAttribute, stringAttribute, type GraphNode } from "../../graph/graph.ts";
import type { Vjp, VjpContext, VjpTable } from "../rules.ts";
import { present, range, unsupported } from "./axes.ts";

/** Every step becomes some ten nodes a direction, and twice as many on the way back. */
const maxSteps = 512;

type Activation = (x: string) => string;

/** What the steps of one direction share. Values of a step are `[1, batch, ...]`. */
interface Cell {
  readonly g: GraphBuilder;
  readonly hidden: number;
  /** f, g and h of the operator's equations. */
  readonly activations: readonly Activation[];
  /** Limits what goes into the activation of a gate. */
  readonly clipped: Activation;
  /** Weights of the state, `[hidden, gates x hidden]` for each product that a step takes. */
  readonly recurrence: readonly string[];
  /** LSTM: weights of the cell in the input, output and forget gate. */
  readonly peepholes: readonly string[];
  /** GRU: true if the reset gate works on the linear product with the state (and its bias), not on the state. */
  readonly isLinearBeforeReset: boolean;
  readonly candidateBias: string | undefined;
}

/** What goes from step to step; absent: zero. */
interface State {
  readonly h: string | undefined;
  readonly c?: string | undefined;
}

type Step = (cell: Cell, projected: string, state: State) => State;

const same: Activation = (x) => x;

const lstm: Step = ({ g, hidden, activations, clipped, recurrence, peepholes }, projected, { h, c }) => {
  const [gate = same, squash = same, squashCell = same] = activations;
  const sums = h === undefined ? projected : g.add(projected, g.matmul(h, recurrence[0] ?? ""));
  const sizes = [hidden, hidden, hidden, hidden];
  const [input = "", output = "", forget = "", candidate = ""] = g.split(sums, sizes, 2);
  const [toInput, toOutput, toForget] = peepholes;
  const opened = (x: string, weight: string | undefined, cell: string | undefined): string =>
    gate(clipped(weight === undefined || cell === undefined ? x : g.add(x, g.mul(weight, cell))));
  const fresh = g.mul(opened(input, toInput, c), squash(clipped(candidate)));
  const next = c === undefined ? fresh : g.add(g.mul(opened(forget, toForget, c), c), fresh);
  return { h: g.mul(opened(output, toOutput, next), squashCell(next)), c: next };
};

const gru: Step = (cell, projected, { h }) => {
  const { g, hidden, activations, clipped, recurrence, isLinearBeforeReset, candidateBias } = cell;
  const [gate = same, squash = same] = activations;
  const [toGates = "", toCandidate = ""] = recurrence;
  const plus = (x: string, more: string | undefined): string => (more === undefined ? x : g.add(x, more));
  const [gates = "", candidate = ""] = g.split(projected, [2 * hidden, hidden], 2);
  const opened = gate(clipped(plus(gates, h && g.matmul(h, toGates))));
  const [update = "", reset = ""] = g.split(opened, [hidden, hidden], 2);
  const remembered = (): string | undefined => {
    if (!isLinearBeforeReset) return h && g.matmul(g.mul(reset, h), toCandidate);
    const product = h === undefined ? candidateBias : plus(g.matmul(h, toCandidate), candidateBias);
    return product && g.mul(reset, product);
  };
  const fresh = g.mul(g.sub(1, update), squash(clipped(plus(candidate, remembered()))));
  return { h: h === undefined ? fresh : g.add(fresh, g.mul(update, h)) };
};

const rnn: Step = ({ g, activations: [squash = same], clipped, recurrence }, projected, { h }) => ({
  h: squash(clipped(h === undefined ? projected : g.add(projected, g.matmul(h, recurrence[0] ?? "")))),
});

/** By operator: how many gates each product with the state serves, the activations, and a step. */
const kinds = {
  LSTM: { products: [4], activations: ["Sigmoid", "Tanh", "Tanh"], step: lstm },
  GRU: { products: [2, 1], activations: ["Sigmoid", "Tanh"], step: gru },
  RNN: { products: [1], activations: ["Tanh"], step: rnn },
} as const satisfies Record<
  string,
  { products: readonly number[]; activations: readonly string[]; step: Step }
>;

/** Activations with their parameters; those of the whole node are listed in the order in which its activations take them. */
function activationsOf(g: GraphBuilder, node: GraphNode, names: readonly string[]): readonly Activation[] {
  const listed = (attribute: string): number[] => {
    const given = node.attributes[attribute];
    return given?.kind === "floats" ? [...given.value] : [];
  };
  const alphas = listed("activation_alpha");
  const betas = listed("activation_beta");
  return names.map((name): Activation => {
    const alpha = (fallback: number): { float: number } => ({ float: alphas.shift() ?? fallback });
    const beta = (fallback: number): { float: number } => ({ float: betas.shift() ?? fallback });
    switch (name) {
      case "Sigmoid":
      case "Tanh":
      case "Relu":
      case "Softsign":
      case "Softplus":
        return (x) => g.unary(name, x);
      case "LeakyRelu": {
        const attributes = { alpha: alpha(0.01) };
        return (x) => g.node(name, [x], attributes);
      }
      case "Elu": {
        const attributes = { alpha: alpha(1) };
        return (x) => g.node(name, [x], attributes);
      }
      case "HardSigmoid": {
        const attributes = { alpha: alpha(0.2), beta: beta(0.5) };
        return (x) => g.node(name, [x], attributes);
      }
      default:
        throw unsupported(node, `activation '${name}'`);
    }
  });
}

/**
 * The outputs of a recurrent node by standard operators: all steps' inputs are projected at once, then one step follows the
 * other. Inputs: X, W, R, B, sequence lengths, initial h, and of an LSTM initial c and peepholes.
 */
export function unroll(
  opType: keyof typeof kinds,
  { g, node, inputs }: Pick<VjpContext, "g" | "node" | "inputs">,
): readonly string[] {
  const { products, activations, step } = kinds[opType];
  const [x = "", w = "", r = "", b, lengths, h0, c0, p] = inputs.map(present);
  if (lengths !== undefined) throw unsupported(node, "sequences of different lengths");
  if (intAttribute(node, "layout", 0) !== 0) throw unsupported(node, "layout 1");
  if (intAttribute(node, "input_forget", 0) !== 0) throw unsupported(node, "coupled gates");
  const steps = g.dims(x)[0];
  if (typeof steps !== "number") throw unsupported(node, "a number of steps that is not fixed");
  if (steps > maxSteps) throw unsupported(node, `more than ${maxSteps} steps`);
  const [hidden, directions] = [g.size(r, 2), g.size(w, 0)];
  const gates = g.size(r, 1);
  const limit = floatAttribute(node, "clip", 0);
  const clipped: Activation =
    limit > 0 ? (value) => g.node("Clip", [value, g.scalar(-limit, value), g.scalar(limit, value)]) : same;
  const given = node.attributes["activations"];
  const names = given?.kind === "strings" ? given.value : range(directions).flatMap(() => activations);
  const functions = activationsOf(g, node, names);
  const isLinearBeforeReset = intAttribute(node, "linear_before_reset", 0) !== 0;
  const isReverse = stringAttribute(node, "direction", "forward") === "reverse";

  const runs = range(directions).map((direction) => {
    const own = (value: string): string => g.node("Gather", [value, g.ints([direction], [])], { axis: 0 });
    const state = (value: string | undefined): string | undefined =>
      value && g.slice(value, [direction], [direction + 1], [0]);
    let projected = g.matmul(x, g.transpose(own(w), [1, 0]));
    let candidateBias: string | undefined;
    if (b !== undefined) {
      const [ofInput = "", ofState = ""] = g.split(own(b), [gates, gates], 0);
      let shared = ofState;
      if (opType === "GRU" && isLinearBeforeReset) {
        const [ofGates = "", ofCandidate] = g.split(ofState, [2 * hidden, hidden], 0);
        shared = g.pad(ofGates, [0, hidden]);
        candidateBias = ofCandidate;
      }
      projected = g.add(projected, g.add(ofInput, shared));
    }
    const sizes = products.map((count) => count * hidden);
    const cell: Cell = {
      g,
      hidden,
      activations: functions.slice(direction * activations.length),
      clipped,
      recurrence: g.split(g.transpose(own(r), [1, 0]), sizes, 1),
      peepholes: p === undefined ? [] : g.split(own(p), [hidden, hidden, hidden], 0),
      isLinearBeforeReset,
      candidateBias,
    };
    const ones = range(steps).map(() => 1);
    const parts = g.split(projected, ones, 0);
    const isBackward = direction === 1 || isReverse;
    let last: State = { h: state(h0), c: state(c0) };
    const all = (isBackward ? parts.toReversed() : parts).map((part) => {
      last = step(cell, part, last);
      return last.h ?? "";
    });
    const inOrder = g.concat(isBackward ? all.toReversed() : all, 0);
    return { all: g.node("Unsqueeze", [inOrder, g.ints([1])]), h: last.h ?? "", c: last.c ?? "" };
  });
  const joined = (part: "all" | "h" | "c", axis: number): string =>
    g.concat(
      runs.map((run) => run[part]),
      axis,
    );
  const results = [() => joined("all", 1), () => joined("h", 0), () => joined("c", 0)];
  return node.outputs.map((output, index) => (output === "" ? "" : (results[index]?.() ?? "")));
}

const recurrent =
  (opType: keyof typeof kinds): Vjp =>
  (context) =>
    context.composite(() => unroll(opType, context));

export const recurrentVjps: VjpTable = {
  GRU: recurrent("GRU"),
  LSTM: recurrent("LSTM"),
  RNN: recurrent("RNN"),
};
