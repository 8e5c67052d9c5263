/** An axis-parallel rectangle in pixels; fractions allowed, the top left pixel covers 0..1. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
