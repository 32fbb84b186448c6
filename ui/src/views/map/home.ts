/** Where this machine is: the daemon does not know, so it is where the time zone is, or where the person says. */

import { ISO } from "./world";

/** `getTimeZones` is the newer name; engines have one of both, or none yet. */
type Zoned = Intl.Locale & { getTimeZones?: () => string[] | undefined; timeZones?: string[] };

/** The only country that a time zone is used in, by the engine's own data; `null` where it does not say. */
export function countryOfZone(zone: string): string | null {
  const zones = [...ISO].map((code): [string, string[]] => [code, zonesOf(code)]);
  const found = zones.filter(([, names]) => names.includes(zone));
  if (found.length > 0) return found.length === 1 ? (found[0]?.[0] ?? null) : null;
  const wanted = canonical(zone);
  const same = zones.filter(([, names]) => names.some((one) => canonical(one) === wanted));
  return same.length === 1 ? (same[0]?.[0] ?? null) : null;
}

let ofThisMachine: string | null | undefined;

/** The country of this machine's time zone. */
export function countryOfThisZone(): string | null {
  if (ofThisMachine === undefined) ofThisMachine = countryOfZone(Intl.DateTimeFormat().resolvedOptions().timeZone);
  return ofThisMachine;
}

function zonesOf(code: string): string[] {
  try {
    const locale: Zoned = new Intl.Locale("und", { region: code });
    return locale.getTimeZones?.() ?? locale.timeZones ?? [];
  } catch {
    return [];
  }
}

function canonical(zone: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return zone;
  }
}
