import { getLocale } from "../paraglide/runtime.js";

/** A country's name in the person's language; the code itself where it is none of a country. */
export function countryName(code: string): string {
  try {
    return new Intl.DisplayNames(getLocale(), { type: "region" }).of(code) ?? code;
  } catch {
    // Databases use letters that no country has.
    return code;
  }
}
