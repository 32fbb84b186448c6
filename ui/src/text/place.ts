/** The words for where an address is, and which way traffic began. */

import { m } from "../paraglide/messages.js";
import { getLocale } from "../paraglide/runtime.js";

const RANGES: Readonly<Record<string, () => string>> = {
  public: m.place_unknown,
  private: m.place_private,
  loopback: m.place_loopback,
  "link-local": m.place_link_local,
  multicast: m.place_multicast,
  broadcast: m.place_broadcast,
  shared: m.place_shared,
  documentation: m.place_documentation,
  benchmarking: m.place_benchmarking,
  unspecified: m.place_unspecified,
  reserved: m.place_reserved,
};

const DIRECTIONS: Readonly<Record<string, () => string>> = {
  outbound: m.direction_outbound,
  inbound: m.direction_inbound,
  unknown: m.not_known,
};

let names: { locale: string; of: Intl.DisplayNames } | undefined;

/** What databases call by a code of two letters although it is no country. */
const REGIONS: Readonly<Record<string, () => string>> = {
  EU: m.map_code_eu,
  AP: m.map_code_ap,
  A1: m.map_code_a1,
  A2: m.map_code_a2,
  A3: m.map_code_a3,
  T1: m.map_code_t1,
  XD: m.map_code_xd,
};

/** A country's name in the person's language; the code itself where nobody knows it. */
export function countryName(code: string): string {
  const region = REGIONS[code];
  if (region !== undefined) return region();
  const locale = getLocale();
  if (names?.locale !== locale) names = { locale, of: new Intl.DisplayNames(locale, { type: "region" }) };
  try {
    return names.of.of(code) ?? code;
  } catch {
    // Databases use letters that no country has.
    return code;
  }
}

/** What the addresses of a range are for; the daemon's word where this page does not know it. */
export function rangeName(range: string): string {
  return RANGES[range]?.() ?? range;
}

/** Who began, in the person's language; the daemon's word where this page does not know it. */
export function directionName(direction: string): string {
  return DIRECTIONS[direction]?.() ?? direction;
}
