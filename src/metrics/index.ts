import { ParameterError } from "../errors.ts";
import { averageDrop } from "./average-drop.ts";
import type { Metric } from "./define-metric.ts";
import { deletion } from "./deletion.ts";
import { gain } from "./gain.ts";
import { gridPointingGame } from "./grid-pointing-game.ts";
import { increase } from "./increase.ts";
import { infidelity } from "./infidelity.ts";
import { insertion } from "./insertion.ts";
import { overAll } from "./over-all.ts";
import { pointingEnergy } from "./pointing-energy.ts";
import { pointingGame } from "./pointing-game.ts";
import { road } from "./road.ts";
import { sanityChecks } from "./sanity-checks.ts";
import { sensitivityN } from "./sensitivity-n.ts";
import { sparseness } from "./sparseness.ts";

/** All metrics, in the order in which tables show them. */
export const metrics: readonly Metric[] = [
  deletion,
  insertion,
  overAll,
  averageDrop,
  increase,
  gain,
  pointingGame,
  pointingEnergy,
  gridPointingGame,
  road,
  sensitivityN,
  infidelity,
  sparseness,
  sanityChecks,
];

/** The metric of a name. @throws ParameterError that lists the names. */
export function metricByName(name: string): Metric {
  const found = metrics.find((metric) => metric.name === name);
  if (found !== undefined) return found;
  throw new ParameterError(
    `metric: expected one of ${metrics.map((metric) => metric.name).join(", ")}, got '${name}'.`,
  );
}
