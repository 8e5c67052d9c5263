import { floatAttribute, stringAttribute, type Attribute, type GraphNode } from "../../graph/graph.ts";
import type { Vjp, VjpContext } from "../rules.ts";
import { activationVjps } from "./activation.ts";
import { append } from "./append-node.ts";
import { unsupported } from "./axes.ts";
import { convolutionVjps } from "./convolution.ts";
import { linearVjps } from "./linear.ts";

/** Activations whose gradient follows from their output, so that a fused one needs no forward pass of its own. */
const fusedActivations: ReadonlySet<string> = new Set([
  "Clip",
  "HardSigmoid",
  "LeakyRelu",
  "Relu",
  "Sigmoid",
  "Tanh",
]);

/** The operator of which a fused node is the activation. */
interface PlainOperator {
  readonly opType: "Conv" | "Gemm";
  /** The numbers that the activation takes. */
  readonly parameters: (node: GraphNode) => readonly number[];
}

/**
 * The cotangent before the activation that ONNX Runtime fused into a node: by the rule that replaces the activation's, if
 * there is one.
 */
function beforeActivation(context: VjpContext, plain: PlainOperator): string {
  const { g, node, y, dy } = context;
  const opType = stringAttribute(node, "activation", "");
  if (opType === "") return dy;
  const rule = activationVjps[opType];
  const parameters = plain.parameters(node);
  const [first = opType === "LeakyRelu" ? 0.01 : 0.2, second = 0.5] = parameters;
  // LeakyRelu keeps the sign only with a positive slope.
  const isOdd = (opType === "LeakyRelu" && first <= 0) || (opType === "Clip" && parameters.length < 2);
  if (rule === undefined || !fusedActivations.has(opType) || isOdd)
    throw unsupported(node, `the fused activation ${opType}`);
  const attributes: Record<string, Attribute> = {
    alpha: { kind: "float", value: first },
    beta: { kind: "float", value: second },
  };
  const bounds = opType === "Clip" ? [first, second].map((bound) => g.scalar(bound, y)) : [];
  const activation = { ...context, node: { ...node, opType, domain: "", attributes } };
  const standard = (cotangent: string): string => {
    const thunk = rule({ ...activation, dy: cotangent, x: y, inputs: [y, ...bounds] })[0];
    if (thunk === undefined) throw unsupported(node, `the fused activation ${opType}`);
    return thunk();
  };
  const override = context.overrides[opType];
  if (override === undefined) return standard(dy);
  const x = activationInput(context, plain);
  return override({ ...activation, x, inputs: [x, ...bounds], defaultVjp: standard });
}

/** What the activation takes, computed once more; dead, and dropped, where the replaced rule does not read it. */
function activationInput({ g, node, inputs }: VjpContext, { opType }: PlainOperator): string {
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).filter(([name]) => !name.startsWith("activation")),
  );
  const value = append(g, opType, inputs.slice(0, 3), attributes);
  const [, , , added = ""] = inputs;
  return added === "" ? value : g.add(value, added);
}

/** A fused node is its activation after the plain operator: the plain rule gets the cotangent between them. */
function fused(rule: Vjp | undefined, plain: PlainOperator): Vjp {
  return (context) => {
    let before: string | undefined;
    const between = (): string => (before ??= beforeActivation(context, plain));
    const thunks = context.inputs.map((_, index) => () => {
      const thunk = rule?.({ ...context, dy: between() })[index];
      // The last input of FusedConv is added before the activation.
      return thunk === undefined ? between() : thunk();
    });
    return thunks;
  };
}

/** com.microsoft.FusedConv: a convolution, a sum on request, an activation. */
export const fusedConvolution = fused(convolutionVjps["Conv"], {
  opType: "Conv",
  parameters: ({ attributes: { activation_params: parameters } }) =>
    parameters?.kind === "floats" ? parameters.value : [],
});

/** com.microsoft.FusedGemm: a linear layer and an activation. */
export const fusedGemm = fused(linearVjps["Gemm"], {
  opType: "Gemm",
  parameters: (node) =>
    ["activation_alpha", "activation_beta"].flatMap((name) =>
      node.attributes[name] === undefined ? [] : [floatAttribute(node, name, 0)],
    ),
});
