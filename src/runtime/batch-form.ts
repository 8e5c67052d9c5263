/** How many images a run may have. */
export type BatchForm =
  /** Any number: the file says so. */
  | { readonly kind: "free" }
  /** Any number: the file says 1, but the graph could be rewritten to the same for each of many. */
  | { readonly kind: "freed" }
  /** A given number, and why no other. */
  | { readonly kind: "fixed"; readonly size: number; readonly reason: string };
