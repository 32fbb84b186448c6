/** Where this machine is: the daemon does not know, so it is where the time zone is, or where the person says. */

import { ISO } from "./world";

/** `getTimeZones` is the newer name; engines have one of both, or none yet. */
type Zoned = Intl.Locale & { getTimeZones?: () => string[] | undefined; timeZones?: string[] };

/** The only country that a time zone is used in, by the engine's own data; `null` where it does not say. */
export function countryOfZone(zone: string): string | null {
  const wanted = canonical(zone);
  const found = [...ISO].filter((code) => zonesOf(code).some((one) => one === zone || canonical(one) === wanted));
  return found.length === 1 ? (found[0] ?? null) : null;
}

let ofThisMachine: string | null | undefined;

/** The country of this machine's time zone. */
export function countryOfThisZone(): string | null {
  return (ofThisMachine ??= countryOfZone(Intl.DateTimeFormat().resolvedOptions().timeZone));
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
