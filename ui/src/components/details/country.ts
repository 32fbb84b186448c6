import { getLocale } from "../../paraglide/runtime.js";

/** The name of a country in the person's language; the code where nobody has it, such as `A1`. */
export function countryName(code: string): string {
  try {
    return new Intl.DisplayNames(getLocale(), { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}
