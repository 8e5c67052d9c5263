import type { Attributes, Graph, GraphNode } from "../graph/graph.ts";
import type { ByteSource } from "./byte-source.ts";

/** A function that a model defines for itself (the newer PyTorch exporter writes them): a graph without types. */
export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes that a call must give. */
  readonly attributeNames: readonly string[];
  /** Attributes that a call may give, with their defaults. */
  readonly attributeDefaults: Attributes;
  /** In topological order. An attribute of kind `opaque` whose `proto.refAttrName` is set refers to one of the function. */
  readonly nodes: readonly GraphNode[];
  readonly opsets: ReadonlyMap<string, number>;
}

/** A model file, decoded except for its weights. */
export interface OnnxModel {
  readonly graph: Graph;
  /** Version by domain; `""` is the standard one. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly irVersion: number;
  /** `metadata_props` of the model. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly producer: { readonly name: string; readonly version: string };
  /** By `domain:name`, with `:overload` where there is one; see {@link functionKey}. */
  readonly functions: ReadonlyMap<string, OnnxFunction>;
  /** The name by which external data refers to the model file itself. */
  readonly location: string;
  /** Every location that a tensor names, the model file included where it holds weights. */
  readonly externalLocations: readonly string[];
  /** The files at hand, by location: the model file and the data files that were given or found beside it. */
  readonly files: readonly ModelFile[];
  /** What the model was read from, for fields that are not named here. Only the writer looks inside. */
  readonly proto: unknown;
}

/** A file that holds weights. */
export interface ModelFile {
  readonly location: string;
  /** The bytes, or where they are on disk. */
  readonly source: Uint8Array | { readonly path: string };
  readonly bytes: ByteSource;
}

/** The key of a function in `OnnxModel.functions`. */
export function functionKey(domain: string, name: string, overload = ""): string {
  return overload === "" ? `${domain}:${name}` : `${domain}:${name}:${overload}`;
}
