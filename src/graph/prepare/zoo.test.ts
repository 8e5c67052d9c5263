import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { prepareGraph, type PreparedGraph } from "./index.ts";
import { rebatch } from "./rebatch.ts";
import { readModel } from "../../onnx/read.ts";

const zoo = fileURLToPath(new URL("../../../../shared/models/zoo", import.meta.url));
const families = existsSync(zoo) ? readdirSync(zoo) : [];

function prepareFamily(
  name: string,
  batch: number | "batch",
): PreparedGraph & { readonly shape: readonly (number | string)[] } {
  const model = readModel(readFileSync(`${zoo}/${name}/model.onnx`));
  const input = model.graph.inputs.find(({ name: value }) => !model.graph.initializers.has(value));
  const shape = (input?.dims ?? []).map((dim, axis) =>
    axis === 0 ? batch : typeof dim === "number" ? dim : 224,
  );
  const prepared = prepareGraph(model.graph, model.opsets.get("") ?? 0, {
    inputs: { [input?.name ?? ""]: shape },
    functions: model.functions,
  });
  return { ...prepared, shape };
}

describe.skipIf(families.length === 0)("exported classifier families", () => {
  it.each(families)("%s: every value has a shape, the output is [batch, classes]", (name) => {
    const { graph, known, unknown } = prepareFamily(name, "batch");
    const values = graph.nodes.flatMap(({ outputs }) => outputs).filter((output) => output !== "");
    expect(values.filter((value) => !known.has(value)).map((value) => unknown.get(value))).toEqual([]);
    expect(graph.outputs.map(({ dims }) => dims)).toEqual([["batch", expect.any(Number)]]);
  });

  // With the batch at 1 all shape code is folded to literals, which is what an export without dynamic axes looks like.
  it.each(families.filter((name) => /vit_tiny|swin_t|davit|shufflenet|levit_128s_legacy/.test(name)))(
    "%s: a batch fixed at 1 becomes free",
    (name) => {
      const { graph, opset, shape } = prepareFamily(name, 1);
      const result = rebatch(graph, opset, { inputs: { [graph.inputs[0]?.name ?? ""]: shape } });
      expect(result.kind === "fixed" ? result.reason : result.prepared.graph.outputs[0]?.dims?.[0]).toBe(
        "batch",
      );
    },
  );

  it("reduces Swin-T to a tenth of its nodes", () => {
    if (!families.includes("swin_t_legacy")) return;
    expect(prepareFamily("swin_t_legacy", "batch").graph.nodes.length).toBeLessThan(620);
  });
});
