/** Ten series colours with a contrast of at least 3 to 1 on the backgrounds of their scheme. */
const light = "#1f6fb4 #c4511b #2b8a4b #a03a8c #8a6d00 #5a55c9 #c02f4f #00808a #6f5b4b #707078".split(" ");
const dark = "#6fb1ee #f08a55 #63c281 #df82cd #d3b547 #a5a1ff #f47b96 #4fc4cd #c4aa94 #b0b0ba".split(" ");

const colors = (list: readonly string[]): string =>
  list.map((color, index) => `--c${index}: ${color};`).join(" ");

/** What colours are called, for a light and a dark surrounding. */
export const lightColors = `--page: #fff; --text: #1b1b1f; --soft: #5b5b66; --rule: #d9d9e0; --best: #e7f1e4; ${colors(light)}`;
export const darkColors = `--page: #16161a; --text: #ececf1; --soft: #a5a5b2; --rule: #3a3a44; --best: #20361f; ${colors(dark)}`;

/** The look of what charts are made of, in a page or in a file of their own. */
export const chartStyle = `svg text { fill: var(--soft); font-size: 12px; } svg text.name { fill: var(--text); }
svg .grid { stroke: var(--rule); stroke-width: 1; } svg .line { fill: none; stroke: currentColor; stroke-width: 2; } svg .band { fill: currentColor; opacity: .1; } svg .dot { fill: currentColor; }
${light.map((_, index) => `.s${index} { color: var(--c${index}); }`).join(" ")}`;
