import type { Backend } from "../backend";
import type { Preferences as Kept } from "../bindings/desktop";
import { locales } from "../paraglide/runtime.js";

/** What a person has chosen about the window itself; the app keeps it. */
export interface Preferences extends Kept {
  /** The country that the map's arcs begin in: `zone` for that of the time zone, `none` for no arcs, or its code. */
  home: string;
}

/** The choices in force; everything that shows them follows. */
export const preferences: Preferences = $state({ theme: "system", measure: "bytes", base: "decimal", language: "system", home: "zone" });

/** What was kept. */
export function take(kept: Kept): void {
  Object.assign(preferences, kept);
}

/** Chooses something else, which is kept; rejects with a `Failure` where it is in force for this window only. */
export async function choose(backend: Backend, change: Partial<Preferences>): Promise<void> {
  Object.assign(preferences, change);
  await backend.ask<"prefer">({ ask: "prefer", preferences: { ...preferences } });
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
