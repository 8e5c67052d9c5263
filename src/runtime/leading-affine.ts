import { intAttribute, floatAttribute, type GraphNode } from "../graph/graph.ts";
import type { Network } from "./network.ts";

/** What a graph does to pixel values before it does anything else: `y = scale x + bias`, channel by channel. */
export interface LeadingAffine {
  /** One value a channel, in the order in which channels go in. */
  readonly scale: readonly number[];
  readonly bias: readonly number[];
  /** True if the graph reverses the order of the channels. */
  readonly isReversed: boolean;
  /** Operators on the way, in order. */
  readonly operators: readonly string[];
}

/** Nodes that leave pixel values alone. */
const passive = new Set([
  "Cast",
  "Transpose",
  "Identity",
  "Reshape",
  "Resize",
  "Squeeze",
  "Unsqueeze",
  "Dropout",
]);

/**
 * Follows the image from the input as long as the graph only scales and shifts it, or `undefined` if it does not do so.
 * Exports of Keras models often hold their preprocessing, as do models made for phones.
 */
export function leadingAffine(
  network: Pick<Network, "graph" | "known" | "input" | "roles">,
): LeadingAffine | undefined {
  const { channels } = network.input;
  let value = network.input.name;
  let scale = Array.from({ length: channels }, () => 1);
  let bias = Array.from({ length: channels }, () => 0);
  let isReversed = false;
  const operators: string[] = [];
  for (;;) {
    const readers = network.graph.nodes.filter(({ inputs }) => inputs.includes(value));
    const [node, ...others] = readers;
    if (node === undefined || others.length > 0) break;
    const next = node.outputs[0] ?? "";
    const step = affineStep(network, node, value);
    if (step !== undefined) {
      // A channel of the graph at this place was another one where it went in.
      const at = (values: readonly number[], channel: number): number =>
        values[Math.min(values.length - 1, isReversed ? channels - 1 - channel : channel)] ?? 0;
      scale = scale.map((old, channel) => old * at(step.scale, channel));
      bias = bias.map((old, channel) => old * at(step.scale, channel) + at(step.bias, channel));
      operators.push(node.opType);
    } else if (reversesChannels(network, node)) {
      isReversed = !isReversed;
      operators.push("channel reversal");
    } else if (!passive.has(node.opType)) {
      break;
    }
    value = next;
  }
  return operators.length === 0 ? undefined : { scale, bias, isReversed, operators };
}

type Step = Pick<LeadingAffine, "scale" | "bias">;

function affineStep(
  network: Pick<Network, "known" | "input" | "roles">,
  node: GraphNode,
  value: string,
): Step | undefined {
  const constant = (index: number): readonly number[] | undefined =>
    perChannel(network, node.inputs[index] ?? "", node.outputs[0] ?? "");
  const isFirst = node.inputs[0] === value;
  const other = constant(isFirst ? 1 : 0);
  switch (node.opType) {
    case "Add":
      return other && { scale: [1], bias: other };
    case "Mul":
      return other && { scale: other, bias: [0] };
    case "Sub":
      return other && (isFirst ? { scale: [1], bias: other.map((b) => -b) } : { scale: [-1], bias: other });
    case "Div":
      return other && isFirst ? { scale: other.map((b) => 1 / b), bias: [0] } : undefined;
    case "BatchNormalization": {
      const [gain, shift, mean, variance] = [1, 2, 3, 4].map((index) =>
        elements(network, node.inputs[index] ?? ""),
      );
      if (gain === undefined || shift === undefined || mean === undefined || variance === undefined)
        return undefined;
      const epsilon = floatAttribute(node, "epsilon", 1e-5);
      const scale = gain.map((g, channel) => g / Math.sqrt((variance[channel] ?? 1) + epsilon));
      return {
        scale,
        bias: scale.map((s, channel) => (shift[channel] ?? 0) - s * (mean[channel] ?? 0)),
      };
    }
    default:
      return undefined;
  }
}

function elements(network: Pick<Network, "known">, name: string): readonly number[] | undefined {
  return network.known.get(name)?.[0].value;
}

/** A constant that is a scalar, or has one value a channel along the channel axis of what it is combined with. */
function perChannel(
  network: Pick<Network, "known" | "input" | "roles">,
  name: string,
  output: string,
): readonly number[] | undefined {
  const values = elements(network, name);
  const dims = network.known.get(name)?.[0].dims;
  if (values === undefined || dims === undefined) return undefined;
  if (values.length === 1) return values;
  const axis = network.roles.get(output)?.findIndex(({ kind }) => kind === "channel") ?? -1;
  const rank = network.roles.get(output)?.length ?? 0;
  const own = axis - (rank - dims.length);
  return values.length === network.input.channels && dims[own] === values.length ? values : undefined;
}

/** Slicing the channels backwards, or picking them in the order 2, 1, 0. */
function reversesChannels(network: Pick<Network, "known" | "input" | "roles">, node: GraphNode): boolean {
  const roles = network.roles.get(node.inputs[0] ?? "");
  const channel = roles?.findIndex(({ kind }) => kind === "channel") ?? -1;
  if (roles === undefined || channel < 0) return false;
  const axisOf = (axis: number): number => (axis < 0 ? axis + roles.length : axis);
  if (node.opType === "Gather") {
    const order = elements(network, node.inputs[1] ?? "");
    return axisOf(intAttribute(node, "axis", 0)) === channel && order?.join() === "2,1,0";
  }
  if (node.opType !== "Slice") return false;
  const axes = elements(network, node.inputs[3] ?? "");
  const steps = elements(network, node.inputs[4] ?? "");
  return axes?.length === 1 && axisOf(axes[0] ?? 0) === channel && steps?.[0] === -1;
}
