import { floatAttribute, stringAttribute, type Attributes, type GraphNode } from "../../graph/graph.ts";
import type { Vjp, VjpContext } from "../rules.ts";
import { activationVjps } from "./activation.ts";
import { append } from "./append-node.ts";
import { unsupported } from "./axes.ts";
import { convolutionVjps } from "./convolution.ts";
import { linearVjps } from "./linear.ts";

/** Activations whose gradient follows from their output, so that a fused one needs no forward pass of its own. */
const fromOutput: ReadonlySet<string> = new Set([
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
  /** The attributes of the activation under their own names; `undefined` if they are not known. */
  readonly attributesOf: (node: GraphNode, activation: string) => Attributes | undefined;
}

/**
 * The cotangent before the activation that ONNX Runtime fused into a node: by the rule that replaces the activation's, if
 * there is one.
 */
function beforeActivation(context: VjpContext, plain: PlainOperator): string {
  const { g, y, dy } = context;
  const opType = stringAttribute(context.node, "activation", "");
  if (opType === "") return dy;
  const rule = activationVjps[opType];
  const attributes = plain.attributesOf(context.node, opType);
  if (rule === undefined || attributes === undefined)
    throw unsupported(context.node, `the fused activation ${opType}`);
  const node = { ...context.node, opType, domain: "", attributes };
  const bounds =
    opType === "Clip" ? ["min", "max"].map((name) => g.scalar(floatAttribute(node, name, 0), y)) : [];
  // LeakyRelu keeps the sign only with a positive slope.
  const isKnown =
    fromOutput.has(opType) && (opType !== "LeakyRelu" || floatAttribute(node, "alpha", 0.01) > 0);
  const withInput = (x: string): VjpContext => ({ ...context, node, x, inputs: [x, ...bounds] });
  const standard = (cotangent: string): string => {
    const x = isKnown ? y : activationInput(context, plain);
    const thunk = rule({ ...withInput(x), dy: cotangent })[0];
    if (thunk === undefined) throw unsupported(context.node, `the fused activation ${opType}`);
    return thunk();
  };
  const override = context.overrides[opType];
  if (override === undefined) return standard(dy);
  return override({ ...withInput(activationInput(context, plain)), defaultVjp: standard });
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

/** The numbers in `activation_params` of a FusedConv, by activation: those that ONNX Runtime fuses. */
const convolutionParameters: Readonly<Record<string, readonly string[]>> = {
  Clip: ["min", "max"],
  HardSigmoid: ["alpha", "beta"],
  LeakyRelu: ["alpha"],
  Relu: [],
  Sigmoid: [],
  Tanh: [],
};

/** com.microsoft.FusedConv: a convolution, a sum on request, an activation. */
export const fusedConvolution = fused(convolutionVjps["Conv"], {
  opType: "Conv",
  attributesOf: ({ attributes: { activation_params: parameters } }, activation) => {
    const values = parameters?.kind === "floats" ? parameters.value : [];
    const names = convolutionParameters[activation];
    if (names === undefined || values.length < names.length) return undefined;
    return Object.fromEntries(
      names.map((name, index) => [name, { kind: "float", value: values[index] ?? 0 }]),
    );
  },
});

/** The attributes of the activation that is fused into a node, where they are named after it. */
export function activationAttributes({ attributes }: GraphNode): Attributes {
  const prefix = "activation_";
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );
}

/** com.microsoft.FusedGemm: a linear layer and an activation. */
export const fusedGemm = fused(linearVjps["Gemm"], {
  opType: "Gemm",
  attributesOf: (node, activation) => (activation === "Clip" ? undefined : activationAttributes(node)),
});
