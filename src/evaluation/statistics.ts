import { randomStream } from "../random/random-stream.ts";

/** A score of one map, with what it is averaged by. */
export interface Observation {
  /** Image (bootstrap draws images, not maps: maps of one image are alike). */
  readonly image: string;
  /** Class, for means over classes. */
  readonly class: number;
  readonly score: number;
}

export interface Estimate {
  readonly count: number;
  /** Images that the observations are of. */
  readonly imageCount: number;
  readonly mean: number;
  /** Standard error of the mean; `null` for fewer than two images. */
  readonly standardError: number | null;
  /** 95 % interval of the mean; `null` for fewer than two images. */
  readonly interval: readonly [low: number, high: number] | null;
}

export type Aggregate = "mean" | "mean-over-classes";

/** Above this many images the interval is that of the normal approximation: it agrees with the bootstrap, in no time. */
const maxBootstrapImages = 5000;
const resamples = 1000;

/** Observations by image, as sums by class: what any mean is made of. */
interface Groups {
  readonly groups: readonly (readonly {
    readonly class: number;
    readonly sum: number;
    readonly count: number;
  }[])[];
  readonly classes: readonly number[];
}

/**
 * The mean with its standard error and a 95 % percentile bootstrap interval over images (1000 resamples, seeded; the
 * normal approximation above 5000 images).
 */
export function estimate(observations: readonly Observation[], aggregate: Aggregate, seed = 0): Estimate {
  const data = group(observations, aggregate);
  const imageCount = data.groups.length;
  const mean = meanOf(data, (image) => image, imageCount);
  if (imageCount < 2)
    return { count: observations.length, imageCount, mean, standardError: null, interval: null };
  if (imageCount > maxBootstrapImages && aggregate === "mean") {
    const standardError = clusterError(data, mean);
    return {
      count: observations.length,
      imageCount,
      mean,
      standardError,
      interval: [mean - 1.96 * standardError, mean + 1.96 * standardError],
    };
  }
  const random = randomStream(seed, "bootstrap", imageCount);
  const draws = Float64Array.from({ length: resamples }, () => {
    const chosen = Uint32Array.from({ length: imageCount }, () => random.integer(imageCount));
    return meanOf(data, (position) => chosen[position] ?? 0, imageCount);
  }).sort();
  const drawMean = draws.reduce((sum, value) => sum + value / resamples, 0);
  const variance = draws.reduce((sum, value) => sum + (value - drawMean) ** 2, 0) / (resamples - 1);
  return {
    count: observations.length,
    imageCount,
    mean,
    standardError: aggregate === "mean" ? clusterError(data, mean) : Math.sqrt(variance),
    interval: [quantile(draws, 0.025), quantile(draws, 0.975)],
  };
}

/**
 * Two-sided p-value that two rows differ, over the images that both have: images' signs are flipped at random (10,000
 * times, seeded; the normal approximation of the paired difference above 2000 images). `null` for fewer than two pairs.
 */
export function pairedSignificance(
  first: readonly Observation[],
  second: readonly Observation[],
  seed = 0,
): number | null {
  const means = (list: readonly Observation[]): ReadonlyMap<string, number> => {
    const sums = new Map<string, { sum: number; count: number }>();
    for (const { image, class: category, score } of list) {
      const key = `${image}|${category}`;
      const state = sums.get(key) ?? { sum: 0, count: 0 };
      sums.set(key, { sum: state.sum + score, count: state.count + 1 });
    }
    return new Map([...sums].map(([key, { sum, count }]) => [key, sum / count]));
  };
  const [a, b] = [means(first), means(second)];
  const differences = [...a].flatMap(([key, value]) => {
    const other = b.get(key);
    return other === undefined ? [] : [value - other];
  });
  const count = differences.length;
  if (count < 2) return null;
  const total = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  if (count > 2000) {
    const spread = Math.sqrt(differences.reduce((sum, value) => sum + value * value, 0));
    return spread === 0 ? 1 : 2 * (1 - normalCdf(total / spread));
  }
  const random = randomStream(seed, "sign-flip", count);
  const flips = 10_000;
  let extreme = 0;
  for (let flip = 0; flip < flips; flip++) {
    let sum = 0;
    let bits = 0;
    for (let index = 0; index < count; index++) {
      if (index % 30 === 0) bits = random.integer(2 ** 30);
      sum += (bits & 1) === 1 ? (differences[index] ?? 0) : -(differences[index] ?? 0);
      bits >>= 1;
    }
    if (Math.abs(sum) >= total - 1e-12) extreme++;
  }
  // The observed signs are one of the possible ones.
  return (extreme + 1) / (flips + 1);
}

/** Linear interpolation between order statistics of sorted values. */
export function quantile(sorted: Float64Array, share: number): number {
  const rank = share * (sorted.length - 1);
  const lower = Math.floor(rank);
  const below = sorted[lower] ?? NaN;
  return below + ((sorted[Math.min(lower + 1, sorted.length - 1)] ?? below) - below) * (rank - lower);
}

function group(observations: readonly Observation[], aggregate: Aggregate): Groups {
  const images = new Map<string, Map<number, { sum: number; count: number }>>();
  const classes = new Set<number>();
  for (const { image, class: category, score } of observations) {
    const key = aggregate === "mean" ? 0 : category;
    classes.add(key);
    const ofImage = images.get(image) ?? new Map<number, { sum: number; count: number }>();
    images.set(image, ofImage);
    const state = ofImage.get(key) ?? { sum: 0, count: 0 };
    ofImage.set(key, { sum: state.sum + score, count: state.count + 1 });
  }
  // Sorted, so that the draws do not depend on the order in which records were written.
  const sorted = [...images].sort(([a], [b]) => (a < b ? -1 : 1));
  const order = [...classes].sort((a, b) => a - b);
  const position = new Map(order.map((value, index) => [value, index]));
  return {
    classes: order,
    groups: sorted.map(([, ofImage]) =>
      [...ofImage].map(([key, { sum, count }]) => ({ class: position.get(key) ?? 0, sum, count })),
    ),
  };
}

/** The mean over classes of each class's mean, for a choice of images. Classes that no chosen image has are left out. */
function meanOf({ groups, classes }: Groups, pick: (position: number) => number, count: number): number {
  const sums = new Float64Array(classes.length);
  const counts = new Float64Array(classes.length);
  for (let position = 0; position < count; position++) {
    for (const { class: category, sum, count: size } of groups[pick(position)] ?? []) {
      sums[category] = (sums[category] ?? 0) + sum;
      counts[category] = (counts[category] ?? 0) + size;
    }
  }
  let [total, present] = [0, 0];
  counts.forEach((size, category) => {
    if (size === 0) return;
    total += (sums[category] ?? 0) / size;
    present++;
  });
  return present === 0 ? NaN : total / present;
}

/** The standard error of a mean of maps of which several may show one image. */
function clusterError({ groups }: Groups, mean: number): number {
  let [squares, total] = [0, 0];
  for (const members of groups) {
    const deviation = members.reduce((sum, member) => sum + member.sum - mean * member.count, 0);
    squares += deviation * deviation;
    total += members.reduce((sum, member) => sum + member.count, 0);
  }
  const count = groups.length;
  return Math.sqrt((squares * count) / (count - 1)) / total;
}

/** The standard normal distribution function (Abramowitz and Stegun 7.1.26, error below 1.5e-7). */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.3275911 * (z / Math.SQRT2));
  const polynomial =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return 1 - (polynomial * Math.exp((-z * z) / 2)) / 2;
}
