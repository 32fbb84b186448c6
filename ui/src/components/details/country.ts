import { m } from "../../paraglide/messages.js";
import { getLocale } from "../../paraglide/runtime.js";

/** The name of a country in the person's language; the code where nobody has it, such as `A1`. */
export function countryName(code: string): string {
  try {
    return new Intl.DisplayNames(getLocale(), { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

const RANGES: Record<string, () => string> = {
  private: m.details_range_private,
  "link-local": m.details_range_private,
  loopback: m.details_range_loopback,
  multicast: m.details_range_multicast,
  broadcast: m.details_range_multicast,
};

/** What an address without a country is. */
export function rangeName(range: string | undefined): string {
  if (range === undefined || range === "public") return m.details_no_country();
  return RANGES[range]?.() ?? m.details_range_special();
}
