import { ModelError } from "../../errors.ts";
import type { Attribute, Attributes, Graph, GraphNode } from "../graph.ts";
import { renameReads, type Rename } from "./subgraph.ts";
import { addInitializer, uniqueName, type Workspace } from "./workspace.ts";

/** A function that the model defines for itself. */
export interface GraphFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributeDefaults?: Attributes;
  readonly nodes: readonly GraphNode[];
  /** Opset versions by domain that the body is written for. */
  readonly opsets?: ReadonlyMap<string, number>;
}

const identity = (input: string, output: string): GraphNode => ({
  name: output,
  opType: "Identity",
  domain: "",
  inputs: [input],
  outputs: [output],
  attributes: {},
});

/** The nodes that a call stands for, with values renamed so that they clash with nothing. */
export function inlineCall(work: Workspace, call: GraphNode, body: GraphFunction): readonly GraphNode[] {
  const names = new Map<string, string>();
  body.inputs.forEach((formal, index) => names.set(formal, call.inputs[index] ?? ""));
  const after: GraphNode[] = [];
  body.outputs.forEach((formal, index) => {
    const actual = call.outputs[index] ?? "";
    const input = names.get(formal);
    if (actual === "") return;
    if (input === undefined) names.set(formal, actual);
    else after.push(identity(input, actual));
  });
  const arguments_ = { ...body.attributeDefaults, ...call.attributes };
  const prefix = call.name === "" ? (call.outputs[0] ?? call.opType) : call.name;
  const nodes = renameBody(work, body.nodes, names, prefix);
  return [...nodes.map((node) => withArguments(node, arguments_)), ...after];
}

/** The nodes of a branch of an `If`, whose outputs become those of the `If`. */
export function inlineBranch(work: Workspace, node: GraphNode, branch: Graph): readonly GraphNode[] {
  if (branch.outputs.length < node.outputs.length) {
    throw new ModelError(
      `If at node '${node.name}': the branch gives ${branch.outputs.length} values, the node has ${node.outputs.length}. The file is damaged.`,
    );
  }
  const prefix = node.name === "" ? (node.outputs[0] ?? "If") : node.name;
  const names = new Map<string, string>();
  for (const [name, initializer] of branch.initializers) {
    const inner = uniqueName(work, `${prefix}/${name}`);
    names.set(name, inner);
    addInitializer(work, { ...initializer, name: inner });
  }
  const nodes = renameBody(work, branch.nodes, names, prefix);
  const results = node.outputs.map((output, index) => {
    const name = branch.outputs[index]?.name ?? "";
    return output === "" ? undefined : identity(names.get(name) ?? name, output);
  });
  return [...nodes, ...results.filter((result) => result !== undefined)];
}

/** Gives every value that the nodes define a name of its own; `names` maps those that have one already. */
function renameBody(
  work: Workspace,
  nodes: readonly GraphNode[],
  names: Map<string, string>,
  prefix: string,
): readonly GraphNode[] {
  const rename: Rename = (value) => names.get(value) ?? value;
  return nodes.map((node) => {
    const read = renameReads(node, rename);
    const outputs = node.outputs.map((output) => {
      if (output === "") return "";
      const given = names.get(output) ?? uniqueName(work, `${prefix}/${output}`);
      names.set(output, given);
      return given;
    });
    return { ...read, name: `${prefix}/${node.name === "" ? (node.outputs[0] ?? "") : node.name}`, outputs };
  });
}

/** The function's attribute that an attribute refers to, if it does. */
function referredName(attribute: Attribute): string | undefined {
  if (attribute.kind !== "opaque") return undefined;
  const { proto } = attribute;
  if (typeof proto !== "object" || proto === null || !("refAttrName" in proto)) return undefined;
  return typeof proto.refAttrName === "string" && proto.refAttrName !== "" ? proto.refAttrName : undefined;
}

function withArguments(node: GraphNode, arguments_: Attributes): GraphNode {
  const attributes: Record<string, Attribute> = {};
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const referred = referredName(attribute);
    // A reference to an attribute that the call leaves out means: the operator's own default.
    const value = referred === undefined ? attribute : arguments_[referred];
    if (value === undefined) continue;
    attributes[name] =
      value.kind === "graph"
        ? {
            kind: "graph",
            value: {
              ...value.value,
              nodes: value.value.nodes.map((inner) => withArguments(inner, arguments_)),
            },
          }
        : value;
  }
  return { ...node, attributes };
}
