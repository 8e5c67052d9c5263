/** A line of a chart. */
export interface Line {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly kind: "first" | "second";
}

interface ChartProps {
  readonly lines: readonly Line[];
  readonly xRange: readonly [number, number];
  /** Default: 0 to the largest value. */
  readonly yRange?: readonly [number, number];
  readonly xTitle: string;
  readonly yTitle: string;
  /** A vertical line at this x, with a dot on the named line. */
  readonly mark?: { readonly x: number; readonly y: number };
  readonly format?: (value: number) => string;
  readonly label: string;
}

const [width, height] = [480, 256];
const margin = { left: 46, right: 12, top: 28, bottom: 34 };

/** A small line chart with two axes and nothing that is not needed. */
export function Chart({ lines, xRange, yRange, xTitle, yTitle, mark, format = String, label }: ChartProps) {
  const all = lines.flatMap((line) => line.y).filter(Number.isFinite);
  const [low, high] = yRange ?? [Math.min(0, ...all), Math.max(...all, 1e-9)];
  const px = (x: number): number =>
    margin.left + ((x - xRange[0]) / (xRange[1] - xRange[0] || 1)) * (width - margin.left - margin.right);
  const py = (y: number): number =>
    height - margin.bottom - ((y - low) / (high - low || 1)) * (height - margin.top - margin.bottom);
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {[low, (low + high) / 2, high].map((value) => (
        <g key={value}>
          <line class="grid" x1={margin.left} x2={width - margin.right} y1={py(value)} y2={py(value)} />
          <text x={margin.left - 6} y={py(value) + 4} text-anchor="end">
            {format(value)}
          </text>
        </g>
      ))}
      {[xRange[0], xRange[1]].map((value, index) => (
        <text
          key={index}
          x={px(value)}
          y={height - margin.bottom + 16}
          text-anchor={index === 0 ? "start" : "end"}
        >
          {xRange[1] === 1 ? `${Math.round(value * 100)} %` : value}
        </text>
      ))}
      <text x={(margin.left + width - margin.right) / 2} y={height - 6} text-anchor="middle" class="title">
        {xTitle}
      </text>
      <text x={0} y={13} class="title">
        {yTitle}
      </text>
      {lines.map(({ name, x, y, kind }) => (
        <polyline
          key={name}
          class={`line ${kind}`}
          points={x.map((at, index) => `${px(at)},${py(y[index] ?? 0)}`).join(" ")}
        />
      ))}
      {lines.flatMap(({ x, y, kind, name }) =>
        x.length <= 1
          ? x.map((at, index) => (
              <circle key={name} class={`point ${kind}`} cx={px(at)} cy={py(y[index] ?? 0)} r="3" />
            ))
          : [],
      )}
      {mark !== undefined && (
        <>
          <line class="mark" x1={px(mark.x)} x2={px(mark.x)} y1={margin.top} y2={height - margin.bottom} />
          <circle class="mark-point" cx={px(mark.x)} cy={py(mark.y)} r="4.5" />
        </>
      )}
    </svg>
  );
}
