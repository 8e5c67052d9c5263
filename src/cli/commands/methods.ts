import { Command } from "@commander-js/extra-typings";
import type { CliContext } from "../cli-context.ts";
import type { Method } from "../../methods/define-method.ts";
import type { ParameterDescription } from "../../methods/parameters.ts";

/** A method as `methods --json` prints it. */
export interface MethodDescription {
  readonly id: string;
  readonly title: string;
  readonly family: string;
  readonly needs: string;
  readonly summary: string;
  /** Evaluations with default parameters on the embedded model: forward, and forward and backward. */
  readonly cost: { readonly f: number; readonly fb: number };
  readonly isClassAgnostic: boolean;
  readonly parameters: readonly ParameterDescription[];
  readonly paper: { readonly authors: string; readonly year: number; readonly url: string };
}

/** The embedded model's target layer and input, on which costs that depend on the model are stated. */
const embeddedModelFacts = { layerChannels: 1280, height: 224, width: 224 } as const;

/** `1 fb`, `4000 f`, `101 f + 1 fb`. */
export function formatCost({ f, fb }: { readonly f: number; readonly fb: number }): string {
  const parts = [f > 0 ? `${f} f` : "", fb > 0 ? `${fb} fb` : ""].filter((part) => part !== "");
  return parts.length > 0 ? parts.join(" + ") : "0";
}

/** Everything that one can know of a method without running it. */
export function describeMethod(
  method: Method,
  parameters: readonly ParameterDescription[],
): MethodDescription {
  const defaults: unknown = method.params.parse({});
  return {
    id: method.name,
    title: method.title,
    family: method.family,
    needs: method.needs,
    summary: method.summary,
    cost: method.cost(defaults as Parameters<Method["cost"]>[0], embeddedModelFacts),
    isClassAgnostic: method.isClassAgnostic === true,
    parameters,
    paper: method.paper,
  };
}

/** `onnx-saliency methods`: what there is, what it needs and costs. */
export function methodsCommand(context: CliContext) {
  return new Command("methods")
    .description("lists the methods: what they need of a model, what they cost, their parameters and papers")
    .argument("[METHOD...]", "only these, with their parameters explained")
    .option("--json", "print JSON, one method a line")
    .option("--verbose", "print the stack of an error")
    .addHelpText("after", "\nCosts: f is one forward pass of one image, fb one forward and backward pass.")
    .action(async (names, options) => {
      const { methods, findMethod } = await import("../../methods/index.ts");
      const { describeParams } = await import("../../methods/parameters.ts");
      const chosen = names.length > 0 ? names.map(findMethod) : methods;
      const descriptions = chosen.map((method) => describeMethod(method, describeParams(method)));
      if (options.json === true) {
        for (const description of descriptions) context.print(JSON.stringify(description));
        return;
      }
      const { formatText } = await import("../table.ts");
      if (names.length > 0) {
        context.print(descriptions.map((description) => formatDetails(description, formatText)).join("\n\n"));
        return;
      }
      const rows = descriptions.map(({ id, family, needs, cost, parameters, paper }) => [
        id,
        family,
        needs,
        formatCost(cost),
        `${paper.authors} ${paper.year}`,
        parameters.map((parameter) => `${parameter.name}=${formatDefault(parameter.default)}`).join(" "),
      ]);
      context.print(formatText({ header: ["id", "family", "needs", "cost", "paper", "parameters"], rows }));
      context.print(
        "\nf: a forward pass of one image; fb: a forward and backward pass. Parameters in full: methods METHOD.",
      );
    });
}

function formatDefault(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function formatDetails(
  method: MethodDescription,
  formatText: typeof import("../table.ts").formatText,
): string {
  const { id, title, summary, family, needs, cost, paper, parameters } = method;
  const rows = parameters.map((parameter) => [
    parameter.name,
    parameter.accepts,
    formatDefault(parameter.default),
    parameter.description,
  ]);
  return [
    `${id}: ${title}`,
    summary,
    `family ${family}, needs ${needs}, costs ${formatCost(cost)}`,
    `${paper.authors} ${paper.year}, ${paper.url}`,
    ...(rows.length > 0
      ? ["", formatText({ header: ["parameter", "accepts", "default", "meaning"], rows })]
      : ["no parameters"]),
  ].join("\n");
}
