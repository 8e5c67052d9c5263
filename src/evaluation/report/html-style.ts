import { chartStyle, darkColors, lightColors } from "./chart-style.ts";

/**
 * The style of the report: light and dark by the reader's setting, one column on a phone, black on white in print. The
 * ten series colours have a contrast of at least 3 to 1 on both backgrounds.
 */
export const reportStyle = `
:root { color-scheme: light dark; ${lightColors} }
@media (prefers-color-scheme: dark) { :root { ${darkColors} } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p, figcaption { color: var(--soft); max-width: 48rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; }
.scroll { overflow-x: auto; position: relative; } .scroll:focus-visible { outline: 2px solid var(--c0); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: top; white-space: nowrap; }
thead th { vertical-align: bottom; } th[scope=colgroup] { text-align: center; }
td.number, th.number { text-align: right; } td.best { font-weight: 700; background: var(--best); }
td small { display: block; color: var(--soft); font-weight: 400; }
tbody th { font-weight: 400; position: sticky; left: 0; background: var(--page); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); gap: 1rem; } figure { margin: 0; }
svg.chart { width: 100%; height: auto; }
${chartStyle}
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; } svg.key { width: 30px; height: 10px; margin-right: .4rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)); gap: .5rem; }
.pictures figcaption { font-size: .8rem; overflow-wrap: anywhere; }
.pictures button { display: block; padding: 0; border: 0; background: none; cursor: zoom-in; width: 100%; } .pictures img { width: 100%; display: block; }
button:focus-visible { outline: 3px solid var(--c0); } dialog { border: 0; padding: 0; background: var(--page); max-width: 96vw; } dialog img { display: block; width: min(92vw, 92vh); height: auto; image-rendering: auto; }
dialog::backdrop { background: rgb(0 0 0 / .75); }
ul.failures { padding-left: 1.2rem; overflow-wrap: anywhere; }
@media (max-width: 34rem) { .pictures { grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); } dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } th, td { padding: .25rem .4rem; font-size: .85rem; } tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 6.5rem; max-width: 7.5rem; } }
@media print { :root { color-scheme: light; --page: #fff; --text: #000; --soft: #333; --rule: #bbb; --best: #eee; } body { max-width: none; font-size: 9pt; } .scroll { overflow: visible; } th, td { white-space: normal; padding: .15rem .3rem; } figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
`;

/** Enlarges a picture in a dialog; Escape or a click closes it. The page is complete without. */
export const reportScript = `
for (const button of document.querySelectorAll(".pictures button")) button.addEventListener("click", () => {
  const dialog = document.createElement("dialog"), image = button.querySelector("img").cloneNode();
  dialog.append(image); dialog.setAttribute("aria-label", image.alt); dialog.tabIndex = 0;
  dialog.addEventListener("click", () => dialog.close()); dialog.addEventListener("close", () => { dialog.remove(); button.focus(); });
  document.body.append(dialog); dialog.showModal();
});`;
