import { differentiate } from "../../autodiff/differentiate.ts";
import type { GraphBuilder } from "../../graph/graph-builder.ts";
import { toInputSpace, type Normalization } from "../../image/normalize.ts";
import type { Network } from "../../runtime/network.ts";
import { appendScores } from "../../runtime/program-graph.ts";
import { quadrature } from "../gradient/quadrature.ts";
import { insertedLoop, loopBody, type InsertedNode, type LoopBody } from "./loop-body.ts";

interface PathRequest {
  readonly network: Network;
  /** What the network takes. */
  readonly image: string;
  /** Which class: `[batch, K]`. */
  readonly oneHot: string;
  readonly normalization: Normalization;
  readonly steps: number;
  /** See {@link loopBody}. */
  readonly isShared?: (initializer: string) => boolean;
}

/**
 * Integrated gradients from black along the straight path, in the layout of the network's input, by Gauss-Legendre
 * quadrature: one `Loop` over the points, so that memory does not grow with their number.
 */
export function appendPathIntegral(g: GraphBuilder, request: PathRequest, inserted: InsertedNode[]): string {
  const { network, image, normalization, steps } = request;
  const baseline = blackImage(g, image, network, normalization);
  const zeros = g.filledLike(image);
  const total = g.input("path_integral", g.dims(image), g.type(image));
  inserted.push(insertedLoop(g, steps, [zeros], [total], pathStep(g, request, baseline)));
  return g.mul(total, g.sub(image, baseline));
}

/** Black in input space, one value a channel, to be broadcast over the image. */
function blackImage(
  g: GraphBuilder,
  image: string,
  { input }: Network,
  normalization: Normalization,
): string {
  const values = Array.from({ length: input.channels }, (_, channel) =>
    toInputSpace(normalization, channel, 0),
  );
  const rank = g.rank(image);
  const axis = input.layout === "NHWC" ? rank - 1 : rank - 3;
  const dims = Array.from({ length: rank }, (_, index) => (index === axis ? input.channels : 1));
  return g.floats(values, dims, image);
}

/** The body of the loop: sum + weight * gradient at baseline + point * (image - baseline). */
function pathStep(
  outer: GraphBuilder,
  { network, image, oneHot, steps, isShared }: PathRequest,
  baseline: string,
): ReturnType<LoopBody["finish"]> {
  const body = loopBody(outer, network, "path", isShared);
  const { g } = body;
  const sum = g.input("path/sum", outer.dims(image), outer.type(image));
  const [x, black] = [body.capture(image), body.capture(baseline)];
  const { points, weights } = quadrature("gauss-legendre", steps);
  const at = (values: readonly number[]): string =>
    g.cast(g.node("Gather", [g.floats(values, [steps]), body.step], { axis: 0 }), g.type(x));
  const place = g.add(black, g.mul(at(points), g.sub(x, black)));
  g.appendNetwork(network.graph, network.known, new Map([[network.input.name, place]]), [
    network.tail.logits,
  ]);
  const { logits } = appendScores(g, network, network.tail.logits);
  const { cotangents, gradients } = differentiate(g, { of: [logits], wrt: [place] });
  body.substitute(cotangents[logits] ?? "", oneHot);
  g.setPrefix("path");
  return body.finish([g.add(sum, g.mul(at(weights), gradients[place] ?? ""))]);
}
