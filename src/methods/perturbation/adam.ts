/** Adam's constants other than the learning rate (Kingma and Ba 2015). */
const firstDecay = 0.9;
const secondDecay = 0.999;
const epsilon = 1e-8;

/** Adam with bias correction; the moments live in it. */
export interface Adam {
  /** The values after one step against the gradient. */
  step(values: Float64Array, gradient: Float64Array): Float64Array;
}

/** Makes an Adam optimiser for vectors of `length` values. */
export function createAdam(length: number, learningRate: number): Adam {
  const first = new Float64Array(length);
  const second = new Float64Array(length);
  let count = 0;
  return {
    step(values, gradient) {
      count++;
      const firstCorrection = 1 - firstDecay ** count;
      const secondCorrection = 1 - secondDecay ** count;
      return values.map((value, index) => {
        const slope = gradient[index]!;
        first[index] = firstDecay * first[index]! + (1 - firstDecay) * slope;
        second[index] = secondDecay * second[index]! + (1 - secondDecay) * slope * slope;
        const direction = first[index] / firstCorrection;
        return value - (learningRate * direction) / (Math.sqrt(second[index] / secondCorrection) + epsilon);
      });
    },
  };
}
