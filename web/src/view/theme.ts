import { signal } from "@preact/signals";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Follows the system until the button is used. */
export const isDark = signal(dark.matches);

let isChosen = false;
dark.addEventListener("change", () => {
  if (!isChosen) isDark.value = dark.matches;
});

export function toggleTheme(): void {
  isChosen = true;
  isDark.value = !isDark.value;
  document.documentElement.style.colorScheme = isDark.value ? "dark" : "light";
}
