import { ModelError } from "../../errors.ts";
import { floatTensor } from "../../tensor/element-type.ts";
import {
  floatAttribute,
  intAttribute,
  stringAttribute,
  type Attribute,
  type Attributes,
  type GraphNode,
} from "../graph.ts";
import { addConstant, addInts, uniqueName, type Workspace } from "./workspace.ts";

/** The newest form of a node, as one or more nodes; `undefined`: it is in that form already. */
type Transform = (node: GraphNode, work: Workspace) => readonly GraphNode[] | undefined;

/** The oldest opset that is read. */
const oldestOpset = 7;

function without(attributes: Attributes, ...names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

/** A list of integers, including one with INT64_MAX in it, which the reader leaves as it is in the file. */
export function integersOf(attribute: Attribute | undefined): readonly number[] | undefined {
  if (attribute?.kind === "ints") return attribute.value;
  if (attribute?.kind !== "opaque") return undefined;
  const { proto } = attribute;
  if (typeof proto !== "object" || proto === null || !("ints" in proto) || !Array.isArray(proto.ints))
    return undefined;
  return proto.ints.map(Number);
}

const stemOf = (node: GraphNode, what: string): string => `${node.outputs[0] ?? node.name}/${what}`;

/** Moves integer-list attributes to the inputs at given places. */
function intsToInputs(places: Readonly<Record<string, number>>): Transform {
  return (node, work) => {
    const inputs = [...node.inputs];
    for (const [name, place] of Object.entries(places)) {
      const values = integersOf(node.attributes[name]);
      if (values === undefined) continue;
      while (inputs.length <= place) inputs.push("");
      inputs[place] = addInts(work, values, stemOf(node, name));
    }
    return [{ ...node, inputs, attributes: without(node.attributes, ...Object.keys(places)) }];
  };
}

function floatInput(work: Workspace, node: GraphNode, value: number, what: string): string {
  const type = work.known.get(node.inputs[0] ?? "")?.[0].type ?? "float32";
  return addConstant(work, floatTensor(type, [value], []), stemOf(node, what));
}

const clip: Transform = (node, work) => {
  const bound = (name: string): string =>
    node.attributes[name] === undefined ? "" : floatInput(work, node, floatAttribute(node, name, 0), name);
  const inputs = [node.inputs[0] ?? "", bound("min"), bound("max")];
  return [{ ...node, inputs, attributes: without(node.attributes, "min", "max", "consumed_inputs") }];
};

const pad: Transform = (node, work) => {
  const pads = integersOf(node.attributes["pads"]) ?? integersOf(node.attributes["paddings"]) ?? [];
  const value = floatAttribute(node, "value", 0);
  const inputs = [node.inputs[0] ?? "", addInts(work, pads, stemOf(node, "pads"))];
  if (value !== 0) inputs.push(floatInput(work, node, value, "value"));
  return [{ ...node, inputs, attributes: without(node.attributes, "pads", "paddings", "value") }];
};

const slice: Transform = (node, work) => {
  const starts = integersOf(node.attributes["starts"]) ?? [];
  const axes = integersOf(node.attributes["axes"]) ?? starts.map((_, axis) => axis);
  const attributes = { ...node.attributes, axes: { kind: "ints", value: axes } as const };
  return intsToInputs({ starts: 1, ends: 2, axes: 3 })({ ...node, attributes }, work);
};

/** Old Resize and Upsample: input position 0 is at output position 0, and the nearest pixel is the one before. */
const resize: Transform = (node, work) => {
  const attribute = node.attributes["scales"];
  const scales =
    attribute?.kind === "floats"
      ? addConstant(
          work,
          floatTensor("float32", attribute.value, [attribute.value.length]),
          stemOf(node, "scales"),
        )
      : (node.inputs[1] ?? "");
  const mode = stringAttribute(node, "mode", "nearest");
  const text = (value: string): Attribute => ({ kind: "string", value });
  return [
    {
      ...node,
      opType: "Resize",
      inputs: [node.inputs[0] ?? "", "", scales],
      attributes: {
        mode: text(mode === "bilinear" || mode === "trilinear" ? "linear" : mode),
        coordinate_transformation_mode: text("asymmetric"),
        nearest_mode: text("floor"),
      },
    },
  ];
};

/**
 * Up to opset 12 the softmax family works on the input flattened to a matrix at `axis` (default 1). That is the newer
 * meaning if all axes from there on but one have size 1.
 */
const softmax: Transform = (node, work) => {
  const [x = ""] = node.inputs;
  const dims = work.known.get(x)?.[0].dims;
  if (dims === undefined) return undefined;
  const axis = intAttribute(node, "axis", 1);
  const from = axis < 0 ? axis + dims.length : axis;
  const long = dims.flatMap((dim, position) => (position >= from && dim !== 1 ? [position] : []));
  const withAxis = (value: number): Attributes => ({ ...node.attributes, axis: { kind: "int", value } });
  if (long.length <= 1) return [{ ...node, attributes: withAxis(long[0] ?? dims.length - 1) }];
  const [flat, result, shape] = ["flat", "result", "shape"].map((what) =>
    uniqueName(work, stemOf(node, what)),
  );
  const make = (
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Attributes,
  ): GraphNode => ({
    name: outputs[0] ?? "",
    opType,
    domain: "",
    inputs,
    outputs,
    attributes,
  });
  return [
    make("Flatten", [x], [flat ?? ""], { axis: { kind: "int", value: from } }),
    { ...node, inputs: [flat ?? ""], outputs: [result ?? ""], attributes: withAxis(1) },
    make("Shape", [x], [shape ?? ""], {}),
    make("Reshape", [result ?? "", shape ?? ""], node.outputs, {}),
  ];
};

const batchNormalization: Transform = (node) => {
  // One statistic an element instead of a channel (opset 7 and 8) has no newer form: left as it is, and refused if used.
  if (intAttribute(node, "spatial", 1) !== 1) return undefined;
  return [
    {
      ...node,
      outputs: node.outputs.slice(0, 1),
      attributes: without(node.attributes, "spatial", "is_test", "consumed_inputs"),
    },
  ];
};

const topK: Transform = (node, work) => {
  if (node.attributes["k"]?.kind !== "int") return undefined;
  const k = addInts(work, [intAttribute(node, "k", 1)], stemOf(node, "k"));
  return [{ ...node, inputs: [node.inputs[0] ?? "", k], attributes: without(node.attributes, "k") }];
};

const dropout: Transform = (node) => [
  {
    ...node,
    inputs: node.inputs.slice(0, 1),
    attributes: without(node.attributes, "ratio", "is_test", "consumed_inputs"),
  },
];

const axesInput = intsToInputs({ axes: 1 });

/** By operator: the opset that brought the newer form, and how to get there. */
const transforms: Readonly<Record<string, { readonly since: number; readonly transform: Transform }>> = {
  BatchNormalization: { since: 14, transform: batchNormalization },
  Clip: { since: 11, transform: clip },
  Dropout: { since: 12, transform: dropout },
  Hardmax: { since: 13, transform: softmax },
  LogSoftmax: { since: 13, transform: softmax },
  Pad: { since: 11, transform: pad },
  ReduceSum: { since: 13, transform: axesInput },
  Resize: { since: 11, transform: resize },
  Scatter: { since: 11, transform: (node) => [{ ...node, opType: "ScatterElements" }] },
  Slice: { since: 10, transform: slice },
  Softmax: { since: 13, transform: softmax },
  Split: { since: 13, transform: intsToInputs({ split: 1 }) },
  Squeeze: { since: 13, transform: axesInput },
  TopK: { since: 10, transform: topK },
  Unsqueeze: { since: 13, transform: axesInput },
  Upsample: { since: 10, transform: resize },
  ...Object.fromEntries(
    ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"].map((name) => [
      `Reduce${name}`,
      { since: 18, transform: axesInput },
    ]),
  ),
};

/**
 * A node of an older opset in the form of `target` (17 or newer), or `undefined` if it need not change. Constants that
 * were attributes become initializers of the workspace.
 */
export function upgradeNode(
  node: GraphNode,
  opset: number,
  target: number,
  work: Workspace,
): readonly GraphNode[] | undefined {
  if (node.domain !== "" || opset >= target || !Object.hasOwn(transforms, node.opType)) return undefined;
  const entry = transforms[node.opType];
  if (entry === undefined || opset >= entry.since || target < entry.since) return undefined;
  return entry.transform(node, work);
}

/** @throws {ModelError} for an opset that ONNX Runtime does not promise to run */
export function assertReadableOpset(opset: number): void {
  if (opset >= oldestOpset) return;
  throw new ModelError(
    `Opset: expected ${oldestOpset} or newer, got ${opset}. Operators meant something else then; convert the file with onnx.version_converter.convert_version(model, 13) or export the model again.`,
  );
}
