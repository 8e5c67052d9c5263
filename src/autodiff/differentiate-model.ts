import { ModelError } from "../errors.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { batchSymbol, type Shape } from "../graph/graph.ts";
import { liveNodes } from "../graph/prepare/dead-nodes.ts";
import { prepareGraph } from "../graph/prepare/index.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { WritableModel } from "../onnx/write.ts";
import { differentiate, type Differentiated, type DifferentiateRequest } from "./differentiate.ts";

export interface DifferentiateModelRequest extends DifferentiateRequest {
  /**
   * Shapes of graph inputs whose own are not fixed; `"batch"` is the symbolic batch size. Default: what the file says,
   * with an unknown first dimension read as the batch.
   */
  readonly inputs?: Readonly<Record<string, Shape>>;
  /** Outputs to keep besides the gradients. Default: the model's own. */
  readonly outputs?: readonly string[];
}

/** A model with its backward pass, ready for `writeModel`. */
export interface DifferentiatedModel extends Differentiated {
  readonly model: WritableModel;
}

/**
 * Differentiates any ONNX model: returns it with the backward pass appended in standard operators. Feed the cotangents
 * of `of` (for the gradient of one logit: 1 at the class, 0 elsewhere), fetch the gradients of `wrt`.
 *
 * @throws ModelError if a value does not exist or its shape cannot be found
 * @throws UnsupportedOpError if an operator on the path has no gradient rule
 * @example
 * const { model, cotangents, gradients } = differentiateModel(readModel(bytes), { of: ["logits"], wrt: ["image"] });
 * const session = await runtime.createSession(writeModel(model));
 */
export function differentiateModel(
  model: OnnxModel,
  request: DifferentiateModelRequest,
): DifferentiatedModel {
  const { graph } = model;
  const inputs: Record<string, Shape> = {};
  for (const input of graph.inputs) {
    if (graph.initializers.has(input.name)) continue;
    const given = request.inputs?.[input.name];
    const dims =
      given ?? input.dims?.map((dim, axis) => (axis === 0 && typeof dim === "string" ? batchSymbol : dim));
    if (dims === undefined || dims.some((dim) => typeof dim === "string" && dim !== batchSymbol)) {
      throw new ModelError(
        `Input '${input.name}': expected a shape, got [${input.dims?.join(", ") ?? "unknown rank"}]. ` +
          `Give it: inputs: { "${input.name}": ["batch", 3, 224, 224] }.`,
      );
    }
    inputs[input.name] = dims;
  }
  const outputs = request.outputs ?? graph.outputs.map((output) => output.name);
  const prepared = prepareGraph(graph, model.opsets.get("") ?? 0, {
    inputs,
    functions: model.functions,
    opsets: model.opsets,
    wanted: [
      ...new Set([...outputs, ...request.of, ...request.wrt.filter((name) => inputs[name] === undefined)]),
    ],
  });
  const alias = (name: string): string => prepared.aliases.get(name) ?? name;
  const g = new GraphBuilder(prepared.graph, prepared.opset, prepared.known);
  const result = differentiate(g, { ...request, of: request.of.map(alias), wrt: request.wrt.map(alias) });
  const built = g.build();
  const kept = built.outputs.filter(
    (output) => outputs.includes(output.name) || Object.values(result.gradients).includes(output.name),
  );
  const live = liveNodes(
    built.nodes,
    kept.map((output) => output.name),
  );
  return {
    model: {
      graph: {
        ...built,
        outputs: kept,
        nodes: live.nodes,
        initializers: new Map([...built.initializers].filter(([name]) => live.read.has(name))),
      },
      opsets: new Map(model.opsets).set("", prepared.opset),
      irVersion: Math.max(8, model.irVersion),
      metadata: model.metadata,
      files: model.files,
    },
    cotangents: renamed(request.of, alias, result.cotangents),
    gradients: renamed(request.wrt, alias, result.gradients),
  };
}

function renamed(
  names: readonly string[],
  alias: (name: string) => string,
  found: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, found[alias(name)] ?? ""]));
}
