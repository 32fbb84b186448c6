/** Everything that turns a number into text for a person. */

import { getLocale } from "../paraglide/runtime.js";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** Bytes with a decimal unit and three digits at most: `0 B`, `999 B`, `1.23 MB`, `12.3 MB`, `123 MB`. */
export function bytes(count: number): string {
  let value = Math.max(0, count);
  let unit = 0;
  // 999.5 would be rounded to four digits.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Bytes in a second. */
export function rate(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`;
}

/** A rate on an axis: no digits that say nothing, and no sign, for what is sent is drawn downwards. */
export function axisRate(bytesPerSecond: number): string {
  return rate(Math.abs(bytesPerSecond)).replace(/(\.\d*?)0+ /, "$1 ").replace(". ", " ");
}

/** A share in percent, rounded down: 100 % means all. `—` when there is nothing to share. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "—";
  return `${(Math.floor((part / whole) * 10_000) / 100).toFixed(2)} %`;
}

/** The first twelve digits of a hash; `—` when it is not known. */
export function shortHash(hash: string | null): string {
  return hash === null ? "—" : hash.slice(0, 12);
}

/** The time of day, to the second, where the person is. */
export function clock(unixMs: number): string {
  const time = new Date(unixMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** How long ago, in the largest unit that fits: `now`, `40 s ago`, `3 min ago`, `2 h ago`, `5 d ago`. */
export function ago(unixMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - unixMs) / 1000));
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A count with its word: `1 application`, `3 applications`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** Two instants as a stretch of time, where the person is. */
export function span(fromMs: number, toMs: number): string {
  const words = new Intl.DateTimeFormat(getLocale(), { dateStyle: "short", timeStyle: "short" });
  return words.formatRange(new Date(fromMs), new Date(toMs));
}
