import type { LiveTick } from "../bindings/bindings";

/** How much the live view shows. */
export const RANGE_MS = 300_000;

/** Readings may come a little late without anything missing between them. */
const TOLERANCE_MS = 250;

/** When the interval of a tick began. */
export function startOf(tick: LiveTick): number {
  return tick.unix_ms - tick.interval_ms;
}

/** Whether time passed between two ticks that neither of them covers. */
export function isGap(before: LiveTick, after: LiveTick): boolean {
  return startOf(after) - before.unix_ms > TOLERANCE_MS;
}

/** The ticks with one more. When the clock was set back, what lies ahead of it is dropped. */
export function withTick(ticks: readonly LiveTick[], tick: LiveTick): LiveTick[] {
  return lastOf([...ticks.filter((one) => one.unix_ms < tick.unix_ms), tick]);
}

/**
 * The ticks with a history that the daemon sent: it is right wherever it reaches.
 *
 * What was seen before it stays, so that a restart of the daemon shows as a gap.
 */
export function withHistory(ticks: readonly LiveTick[], history: readonly LiveTick[]): LiveTick[] {
  const first = history[0];
  if (!first) return [...ticks];
  return lastOf([...ticks.filter((one) => one.unix_ms <= startOf(first)), ...history]);
}

function lastOf(ticks: LiveTick[]): LiveTick[] {
  const end = ticks.at(-1)?.unix_ms ?? 0;
  return ticks.filter((tick) => tick.unix_ms > end - RANGE_MS);
}
