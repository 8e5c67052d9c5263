import { ModelError } from "../errors.ts";
import type { GraphNode } from "../graph/graph.ts";
import { valuesRead } from "../graph/prepare/subgraph.ts";

/**
 * The nodes in topological order: as they are where they are ordered (the standard demands it), else sorted, keeping
 * the order of the file where it is free.
 *
 * @param known values that exist before the first node: inputs, initializers, values of enclosing graphs
 * @throws ModelError where nodes form a cycle, or read a value that nothing defines
 */
export function inOrder(nodes: readonly GraphNode[], known: ReadonlySet<string>): readonly GraphNode[] {
  const ready = new Set(known);
  const result: GraphNode[] = [];
  const producers = new Map<string, GraphNode>();
  for (const node of nodes) for (const output of node.outputs) if (output !== "") producers.set(output, node);
  const state = new Map<GraphNode, "open" | "done">();

  // An explicit stack: a chain of a hundred thousand nodes in reverse order must not overflow the call stack.
  const visit = (root: GraphNode): void => {
    const stack: { readonly node: GraphNode; readonly reads: readonly string[]; next: number }[] = [];
    const open = (node: GraphNode): void => {
      state.set(node, "open");
      stack.push({ node, reads: valuesRead(node), next: 0 });
    };
    open(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const value = top.reads[top.next++];
      if (value === undefined) {
        state.set(top.node, "done");
        for (const output of top.node.outputs) ready.add(output);
        result.push(top.node);
        stack.pop();
      } else if (!ready.has(value)) {
        const producer = producers.get(value);
        if (producer === undefined) throw undefinedValue(top.node, value);
        if (state.get(producer) === "open") throw cycle(producer, value);
        open(producer);
      }
    }
  };
  for (const node of nodes) if (!state.has(node)) visit(node);
  return result;
}

function undefinedValue(node: GraphNode, value: string): ModelError {
  return new ModelError(
    `${nodeTitle(node)}: reads '${value}', which nothing defines. The file is damaged; export the model again.`,
  );
}

function cycle(node: GraphNode, value: string): ModelError {
  return new ModelError(
    `${nodeTitle(node)}: its output '${value}' depends on itself. The file is damaged; export the model again.`,
  );
}

function nodeTitle(node: GraphNode): string {
  return `${node.opType} at node '${node.name || (node.outputs[0] ?? "")}'`;
}
