import { locales } from "../paraglide/runtime.js";

/** What a person has chosen about the window itself; the app keeps it. */
export interface Preferences {
  theme: "system" | "light" | "dark";
  /** What is counted: bytes, or bits (a rate of a line). */
  measure: "bytes" | "bits";
  /** Whether a kilo is 1000 or 1024. */
  base: "decimal" | "binary";
  /** `system` for the language of the session. */
  language: "system" | (typeof locales)[number];
  /** The country that the map's arcs begin in: `zone` for that of the time zone, `none` for no arcs, or its code. */
  home: string;
}

/** The choices in force; everything that shows them follows. */
export const preferences: Preferences = $state({ theme: "system", measure: "bytes", base: "decimal", language: "system", home: "zone" });

/** Chooses something else. The one place where a choice is made: it is kept for as long as the window is open. */
export function choose(change: Partial<Preferences>): void {
  Object.assign(preferences, change);
}

/** The language to write in. */
export function languageOf(chosen: Preferences["language"], offered: readonly string[]): (typeof locales)[number] {
  if (chosen !== "system") return chosen;
  for (const tag of offered) {
    const known = locales.find((locale) => tag.toLowerCase().split(/[-_]/u)[0] === locale);
    if (known !== undefined) return known;
  }
  return "en";
}
