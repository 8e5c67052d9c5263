/**
 * I-GOS and SIGCAM's second stage written down once more, from the papers alone: dense loops, float64, no
 * graph, no batches, no code shared with the library. Slow; for comparing traces.
 */

/** A score and its gradient at an image `[C * H * W]`. */
export type DifferentiableScore = (x: number[]) => { readonly score: number; readonly gradient: number[] };

export interface StraightforwardProblem {
  readonly score: DifferentiableScore | ((x: number[]) => Promise<ReturnType<DifferentiableScore>>);
  readonly image: readonly number[];
  readonly baselineAt: (iteration: number) => readonly number[];
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly maskSize: number;
  readonly start: readonly number[];
  readonly alignCorners: boolean;
  readonly iterations: number;
  readonly steps: number;
  readonly lambda1: number;
  readonly lambda2: number;
  readonly adapts: boolean;
}

export interface TraceEntry {
  readonly mask: readonly number[];
  readonly objective: number;
  readonly step: number;
  readonly evaluations: number;
}

/** Source cell and share of the next cell for an output pixel. */
function place(index: number, small: number, large: number, alignCorners: boolean): [number, number, number] {
  let s: number;
  if (alignCorners) s = large === 1 ? 0 : (index * (small - 1)) / (large - 1);
  else s = Math.max(((index + 0.5) * small) / large - 0.5, 0);
  const f = Math.min(Math.floor(s), small - 1);
  return [f, Math.min(f + 1, small - 1), s - f];
}

function upsample(mask: readonly number[], p: StraightforwardProblem): number[] {
  const out: number[] = [];
  for (let y = 0; y < p.height; y++) {
    const [y0, y1, ty] = place(y, p.maskSize, p.height, p.alignCorners);
    for (let x = 0; x < p.width; x++) {
      const [x0, x1, tx] = place(x, p.maskSize, p.width, p.alignCorners);
      const at = (row: number, column: number): number => mask[row * p.maskSize + column]!;
      out.push(
        (1 - ty) * ((1 - tx) * at(y0, x0) + tx * at(y0, x1)) + ty * ((1 - tx) * at(y1, x0) + tx * at(y1, x1)),
      );
    }
  }
  return out;
}

function gather(gradient: readonly number[], p: StraightforwardProblem): number[] {
  const out = Array.from({ length: p.maskSize * p.maskSize }, () => 0);
  for (let y = 0; y < p.height; y++) {
    const [y0, y1, ty] = place(y, p.maskSize, p.height, p.alignCorners);
    for (let x = 0; x < p.width; x++) {
      const [x0, x1, tx] = place(x, p.maskSize, p.width, p.alignCorners);
      const g = gradient[y * p.width + x]!;
      out[y0 * p.maskSize + x0]! += (1 - ty) * (1 - tx) * g;
      out[y0 * p.maskSize + x1]! += (1 - ty) * tx * g;
      out[y1 * p.maskSize + x0]! += ty * (1 - tx) * g;
      out[y1 * p.maskSize + x1]! += ty * tx * g;
    }
  }
  return out;
}

function blend(u: readonly number[], baseline: readonly number[], p: StraightforwardProblem): number[] {
  const area = p.height * p.width;
  return p.image.map((value, index) => value * u[index % area]! + baseline[index]! * (1 - u[index % area]!));
}

function l1(mask: readonly number[]): number {
  return mask.reduce((sum, m) => sum + Math.abs(1 - m), 0) / mask.length;
}

function tv(mask: readonly number[], n: number): { value: number; gradient: number[] } {
  const pairs = n * (n - 1);
  let value = 0;
  const gradient = mask.map(() => 0);
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      for (const [dy, dx] of [
        [1, 0],
        [0, 1],
      ] as const) {
        if (y + dy >= n || x + dx >= n) continue;
        const a = y * n + x;
        const b = (y + dy) * n + x + dx;
        const d = mask[a]! - mask[b]!;
        value += (d * d) / pairs;
        gradient[a]! += (2 * d) / pairs;
        gradient[b]! -= (2 * d) / pairs;
      }
    }
  }
  return { value, gradient };
}

/** Masks, objectives, steps and evaluations of each iteration. */
export async function straightforwardIGos(p: StraightforwardProblem): Promise<TraceEntry[]> {
  const trace: TraceEntry[] = [];
  const area = p.height * p.width;
  let mask = [...p.start];
  let lambda1 = p.lambda1;
  const b: number[] = [];
  for (let t = 0; t < p.iterations; t++) {
    const baseline = p.baselineAt(t);
    const f = async (m: readonly number[]): Promise<number> =>
      (await p.score(blend(upsample(m, p), baseline, p))).score +
      lambda1 * l1(m) +
      p.lambda2 * tv(m, p.maskSize).value;
    b.push((await p.score(blend(upsample(mask, p), baseline, p))).score);
    if (p.adapts && p.iterations > 3) {
      if (t === Math.trunc(p.iterations / 2) && Math.abs(b[0]! - b[t - 1]!) <= 0.001) lambda1 /= 10;
      if (t === Math.trunc(p.iterations / 1.25) && Math.abs(b[0]! - b[t - 1]!) <= 0.01) lambda1 /= 5;
    }
    const u = upsample(mask, p);
    const total = mask.map(() => 0);
    for (let s = 1; s <= p.steps; s++) {
      const { gradient } = await p.score(
        blend(
          u.map((value) => (s / p.steps) * value),
          baseline,
          p,
        ),
      );
      const perPixel = Array.from({ length: area }, () => 0);
      gradient.forEach((g, index) => {
        perPixel[index % area]! += g * (p.image[index]! - baseline[index]!);
      });
      gather(perPixel, p).forEach((g, cell) => {
        total[cell]! += ((s / p.steps) * g) / p.steps;
      });
    }
    const smooth = tv(mask, p.maskSize).gradient;
    const g = mask.map(
      (m, cell) => total[cell]! - (lambda1 * Math.sign(1 - m)) / mask.length + p.lambda2 * smooth[cell]!,
    );
    const norm = g.reduce((sum, value) => sum + value * value, 0);
    const f0 = await f(mask);
    let a = 200;
    const move = (): number[] => mask.map((m, cell) => Math.min(1, Math.max(0, m - a * g[cell]!)));
    let next = move();
    let value = await f(next);
    let evaluations = 1;
    while (value > f0 - 1e-4 * a * norm) {
      a *= 0.2;
      next = move();
      value = await f(next);
      evaluations++;
      if (a < 1e-5) break;
    }
    mask = next;
    trace.push({ mask, objective: value, step: a, evaluations });
  }
  return trace;
}
