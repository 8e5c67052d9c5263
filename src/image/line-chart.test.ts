import { describe, expect, it } from "vitest";
import { drawingToImage, drawingToSvg } from "./drawing.ts";
import { lineChart, type LineChart } from "./line-chart.ts";

const chart: LineChart = {
  width: 400,
  height: 300,
  title: "Losses <of> a mask",
  xLabel: "iteration",
  panels: [
    {
      title: "terms",
      series: [
        { label: "score", x: [1, 2, 3], y: [0.9, 0.4, 0.1] },
        { label: "L1 & co", x: [1, 2, 3], y: [0.1, 0.2, 0.3] },
      ],
    },
    { title: "step", series: [{ label: "step", x: [1, 2, 3], y: [10, 0, 0.001] }], isLogarithmic: true },
  ],
};
const blue = [0, 114, 178];

describe("lineChart", () => {
  it("draws every line, names each where there are several, and labels the axes with round numbers", () => {
    const { shapes } = lineChart(chart);
    const words = shapes.flatMap((shape) => (shape.kind === "text" ? [shape.text] : []));
    expect(words).toEqual(
      expect.arrayContaining(["terms", "step", "score", "L1 & co", "iteration", "0", "10", "0.1"]),
    );
    expect(shapes.filter((shape) => shape.kind === "stroke" && shape.label === "score")).toHaveLength(1);
  });

  it("puts larger values higher and later steps further right", () => {
    const line = lineChart(chart).shapes.find((shape) => shape.kind === "stroke" && shape.label === "score");
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = line?.kind === "stroke" ? line.points : [];
    expect(x1).toBeGreaterThan(x0);
    expect(y1).toBeGreaterThan(y0);
  });

  it("leaves out what a logarithmic axis or any axis cannot show", () => {
    const strokes = (y: readonly number[], isLogarithmic: boolean) =>
      lineChart({
        ...chart,
        panels: [{ title: "p", series: [{ label: "l", x: [1, 2, 3, 4, 5], y }], isLogarithmic }],
      }).shapes.filter((shape) => shape.kind === "stroke" && shape.label === "l");
    expect(strokes([1, 2, 0, 4, 5], true)).toHaveLength(2);
    expect(strokes([1, 2, Number.NaN, 4, 5], false)).toHaveLength(2);
    expect(strokes([0, 0, 0, 0, 0], true)).toHaveLength(0);
    const points = strokes([3, 3, 3, 3, 3], false).flatMap((shape) =>
      shape.kind === "stroke" ? shape.points : [],
    );
    expect(points.every((value) => Number.isFinite(value))).toBe(true);
  });

  it("keeps every stroke inside the picture, also for one point and for many lines", () => {
    const many = Array.from({ length: 9 }, (_, index) => ({
      label: `line number ${index}`,
      x: [1],
      y: [index],
    }));
    for (const shape of lineChart({ ...chart, panels: [{ title: "many", series: many }] }).shapes) {
      if (shape.kind !== "stroke") continue;
      shape.points.forEach((value, index) => {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(index % 2 === 0 ? 400 : 300);
      });
    }
  });
});

describe("drawingToImage", () => {
  const stroke = (points: readonly number[], dashes?: readonly number[]) =>
    drawingToImage({
      width: 40,
      height: 20,
      title: "",
      shapes: [{ kind: "stroke", points, color: [0, 114, 178], width: 4, ...(dashes && { dashes }) }],
    });
  const pixel = ({ data, width }: { data: Uint8ClampedArray; width: number }, x: number, y: number) => [
    ...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3),
  ];

  it("paints a stroke of its width in its colour, joints filled, and nothing beside it", () => {
    const image = stroke([5, 15, 20, 5, 35, 15]);
    expect(pixel(image, 20, 5)).toEqual(blue);
    expect(pixel(image, 12, 10)).toEqual(blue);
    expect(pixel(image, 20, 15)).toEqual([255, 255, 255]);
  });

  it("leaves the gaps of dashes white", () => {
    const image = stroke([0, 10, 40, 10], [10, 10]);
    expect([5, 15, 25, 35].map((x) => pixel(image, x, 10)[0])).toEqual([0, 255, 0, 255]);
  });
});

describe("drawingToSvg", () => {
  it("is a file of its own, with names escaped", () => {
    const svg = drawingToSvg(lineChart(chart));
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="400"/);
    expect(svg).toContain("Losses &#60;of&#62; a mask");
    expect(svg).toContain("<title>score</title>");
    expect(svg.match(/<polyline/g)?.length).toBe(svg.match(/<\/polyline>/g)?.length);
    expect(svg).not.toContain("NaN");
  });
});
