import type { HistoryLevel } from "../../bindings/bindings";
import { m } from "../../paraglide/messages.js";
import { duration } from "../../text/format";

const UNITS: Record<string, number> = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 };

/** How long a level is kept, in the person's language; as the daemon says it where that is something else. */
export function keptWord(kept: string): string {
  if (kept === "for ever") return m.review_past_forever();
  const [, count, unit] = /^(\d+) (second|minute|hour|day|week)s?$/u.exec(kept) ?? [];
  const length = UNITS[unit ?? ""];
  return count === undefined || length === undefined ? kept : duration(Number(count) * length);
}

/** Where a level begins and ends between the oldest and the newest of all, from 0 to 1; `null` where it has nothing. */
export function reachOf(level: HistoryLevel, all: readonly HistoryLevel[]): { from: number; to: number } | null {
  if (level.first_unix_ms === null || level.last_unix_ms === null) return null;
  const first = Math.min(...all.flatMap((one) => one.first_unix_ms ?? []));
  const last = Math.max(...all.flatMap((one) => one.last_unix_ms ?? []));
  const length = Math.max(1, last - first);
  return { from: (level.first_unix_ms - first) / length, to: (level.last_unix_ms - first) / length };
}
