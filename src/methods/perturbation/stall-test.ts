/** When an optimiser gives up early; both are off at 0. */
export interface StallSettings {
  /** Failed line searches in a row. */
  readonly stallStop: number;
  /** Relative decrease of the objective in an iteration below which it is done. */
  readonly tolerance: number;
}

/** A test that is called once an iteration and says whether to stop. */
export function createStallTest({
  stallStop,
  tolerance,
}: StallSettings): (
  result: { readonly isAccepted: boolean; readonly objective: number },
  objectiveBefore: number,
) => boolean {
  let failures = 0;
  return (result, objectiveBefore) => {
    failures = result.isAccepted ? 0 : failures + 1;
    if (stallStop > 0 && failures >= stallStop) return true;
    return tolerance > 0 && objectiveBefore - result.objective < tolerance * Math.abs(objectiveBefore);
  };
}
