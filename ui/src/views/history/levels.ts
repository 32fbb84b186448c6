import type { HistoryLevel } from "../../bindings/bindings";
import { m } from "../../paraglide/messages.js";
import { number } from "../../text/format";

/** The daemon's units, each of which it says in no other way. */
const UNITS: Record<string, (amount: { count: number; number: string }) => string> = {
  s: m.seconds,
  min: m.minutes,
  h: m.hours,
  day: m.days,
  days: m.days,
  year: m.years,
  years: m.years,
};

/** How long a level is kept, in the person's language; as the daemon says it where that is something else. */
export function keptWord(kept: string): string {
  if (kept === "for ever") return m.review_past_forever();
  const [, digits, unit] = /^(\d+) (\w+)$/u.exec(kept) ?? [];
  const count = Number(digits);
  return UNITS[unit ?? ""]?.({ count, number: number(count) }) ?? kept;
}

/** Where a level begins and ends between the oldest and the newest of all, from 0 to 1; `null` where it has nothing. */
export function reachOf(level: HistoryLevel, all: readonly HistoryLevel[]): { from: number; to: number } | null {
  if (level.first_unix_ms === null || level.last_unix_ms === null) return null;
  const first = Math.min(...all.flatMap((one) => one.first_unix_ms ?? []));
  const last = Math.max(...all.flatMap((one) => one.last_unix_ms ?? []));
  const length = Math.max(1, last - first);
  return { from: (level.first_unix_ms - first) / length, to: (level.last_unix_ms - first) / length };
}
