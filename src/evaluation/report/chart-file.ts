import { chartSize, dashOf, escapeHtml, seriesClass } from "./chart.ts";
import { chartStyle, darkColors, lightColors } from "./chart-style.ts";
import type { ReportChart } from "./report-charts.ts";

const titleHeight = 34;
const lineHeight = 18;
/** Wider than a chart in the page: two names of methods, of up to some 40 characters, stand beside each other. */
const width = 600;
const height = Math.round((width / chartSize.width) * chartSize.height);
const columnWidth = width / 2;

/**
 * A chart as an SVG file that any page can show as an image: with its title, legend, colours for light and dark, and a
 * background of its own, since a page's theme need not be the system's.
 */
export function chartFile({ title, svg, legend }: ReportChart): string {
  const keys = legend.map((label, index) => {
    const [x, y] = [
      12 + columnWidth * (index % 2),
      titleHeight + height + 10 + lineHeight * Math.floor(index / 2),
    ];
    return (
      `<line class="line ${seriesClass(index)}" stroke-dasharray="${dashOf(index)}" x1="${x}" x2="${x + 28}" y1="${y}" y2="${y}"/>` +
      `<text class="name" x="${x + 35}" y="${y + 4}">${escapeHtml(label)}</text>`
    );
  });
  const total =
    titleHeight + height + (legend.length === 0 ? 0 : 8 + lineHeight * Math.ceil(legend.length / 2));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" font-family="system-ui, sans-serif">` +
    `<style>:root { ${lightColors} } @media (prefers-color-scheme: dark) { :root { ${darkColors} } }\n${chartStyle}\n.title { font-weight: 600; font-size: 14px; }</style>` +
    `<rect width="${width}" height="${total}" fill="var(--page)"/><text class="name title" x="12" y="22">${escapeHtml(title)}</text>` +
    `${svg.replace("<svg ", `<svg y="${titleHeight}" width="${width}" height="${height}" `)}${keys.join("")}</svg>\n`
  );
}
