/** Light or dark, as the person chose or as the desktop is. */

import type { Preferences } from "./preferences.svelte";

const DARK = "(prefers-color-scheme: dark)";

/** What everything that draws by itself is told when the colours change. */
export const THEME_CHANGED = "portolan-theme";

/** Puts the theme on the page. */
export function applyTheme(chosen: Preferences["theme"]): void {
  const theme = chosen === "system" ? (matchMedia(DARK).matches ? "dark" : "light") : chosen;
  if (document.documentElement.dataset["theme"] === theme) return;
  document.documentElement.dataset["theme"] = theme;
  dispatchEvent(new Event(THEME_CHANGED));
}

/** Follows the desktop; gives back how to stop. */
export function followDesktop(chosen: () => Preferences["theme"]): () => void {
  const query = matchMedia(DARK);
  const follow = () => applyTheme(chosen());
  query.addEventListener("change", follow);
  return () => query.removeEventListener("change", follow);
}
