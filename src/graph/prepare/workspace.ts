import type { AnyTensor } from "../../tensor/tensor.ts";
import type { ProbedValue } from "../graph-builder.ts";
import type { GraphNode, Initializer } from "../graph.ts";
import { knownInitializer, tensorOf } from "./constants.ts";

/** The graph under construction, and what is known of its values. The passes of this folder share it. */
export interface Workspace {
  readonly nodes: GraphNode[];
  readonly initializers: Map<string, Initializer>;
  readonly known: Map<string, ProbedValue>;
  /** Why a value's shape is not known. */
  readonly unknown: Map<string, string>;
  /** Values that were dropped because they equal another one. */
  readonly aliases: Map<string, string>;
  /** Values that depend on initializers only. */
  readonly constants: Set<string>;
  readonly names: Set<string>;
  /** How many names were made from a stem, so that the next one is found at once. */
  readonly stems: Map<string, number>;
}

export function uniqueName(work: Workspace, stem: string): string {
  let name = stem;
  let count = work.stems.get(stem) ?? 1;
  while (work.names.has(name)) name = `${stem}_${++count}`;
  work.stems.set(stem, count);
  work.names.add(name);
  return name;
}

export function addInitializer(work: Workspace, initializer: Initializer): string {
  const known = knownInitializer(initializer);
  work.initializers.set(initializer.name, initializer);
  work.known.set(initializer.name, [known, known]);
  work.constants.add(initializer.name);
  work.names.add(initializer.name);
  return initializer.name;
}

/** A new constant under an invented name. */
export function addConstant(work: Workspace, tensor: AnyTensor, stem: string): string {
  const name = uniqueName(work, stem);
  return addInitializer(work, {
    name,
    type: tensor.type,
    dims: tensor.dims,
    data: { kind: "memory", tensor },
  });
}

/** An int64 vector (or scalar) as a new constant. */
export function addInts(
  work: Workspace,
  values: readonly number[],
  stem: string,
  dims: readonly number[] = [values.length],
): string {
  const tensor = tensorOf("int64", dims, values);
  if (tensor === undefined) throw new Error("Internal error: int64 has a plain form");
  return addConstant(work, tensor, stem);
}

/** A value under the name that it has after aliases were dropped. */
export function resolved(work: Workspace, value: string): string {
  let name = value;
  for (let next = work.aliases.get(name); next !== undefined; next = work.aliases.get(name)) name = next;
  return name;
}
