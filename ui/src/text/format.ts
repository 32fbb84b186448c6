/** Everything that turns a number or a time into text for a person, as their language and their choices want it. */

import { preferences, type Preferences } from "../model/preferences.svelte";
import { getLocale } from "../paraglide/runtime.js";
import { m } from "../paraglide/messages.js";

const LETTERS = ["", "k", "M", "G", "T", "P", "E"];

/** Bytes with a unit and three digits at most: `0 B`, `999 B`, `1.23 MB`, `12.3 MB`, `123 MB`. */
export function bytes(count: number): string {
  return amount(count, false, preferences.measure);
}

/** Bytes in memory or on a disk, which nobody counts in bits. */
export function fileSize(count: number): string {
  return amount(count, false, "bytes");
}

/** Bytes in a second. */
export function rate(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`;
}

/** A rate on an axis: no digits that say nothing, and no sign, for what is sent is drawn downwards. */
export function axisRate(bytesPerSecond: number): string {
  return `${amount(Math.abs(bytesPerSecond), true, preferences.measure)}/s`;
}

/** A round number of bytes, without digits that say nothing. */
export function roundBytes(count: number): string {
  return amount(count, true, preferences.measure);
}

/** The distances between the marks of an axis that are round numbers in the unit in force, in bytes. */
export function axisSteps(): number[] {
  const [base, one] = [baseOf(), preferences.measure === "bits" ? 1 / 8 : 1];
  const round = preferences.base === "binary" ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] : [1, 2, 5, 10, 20, 50, 100, 200, 500];
  return LETTERS.flatMap((_, power) => round.map((step) => step * base ** power * one));
}

function amount(count: number, trimmed: boolean, measure: Preferences["measure"]): string {
  const base = baseOf();
  let value = Math.max(0, count) * (measure === "bits" ? 8 : 1);
  let power = 0;
  // 999.5 would be rounded to four digits.
  while (value >= (base === 1000 ? 999.5 : 1023.5) && power < LETTERS.length - 1) {
    value /= base;
    power += 1;
  }
  const digits = power === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${decimal(value, digits, trimmed ? 0 : digits)} ${unitOf(power, measure)}`;
}

function baseOf(): number {
  return preferences.base === "binary" ? 1024 : 1000;
}

function unitOf(power: number, measure: Preferences["measure"]): string {
  const letter = LETTERS[power] ?? "";
  const binary = preferences.base === "binary" && power > 0;
  const prefix = binary ? `${letter.toUpperCase()}i` : letter;
  return `${prefix}${measure === "bits" ? "bit" : "B"}`;
}

/** A share in percent, rounded down: 100 % means all. `—` when there is nothing to share. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "—";
  return `${decimal(Math.floor((part / whole) * 10_000) / 100, 2, 2)} %`;
}

/** A count. */
export function number(count: number): string {
  return decimal(count, 0, 0);
}

/** The first twelve digits of a hash; `—` when it is not known. */
export function shortHash(hash: string | null): string {
  return hash === null ? "—" : hash.slice(0, 12);
}

/** The time of day, to the second, where the person is. */
export function clock(unixMs: number): string {
  return times({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(unixMs);
}

/** Date and time to the minute, where the person is. */
export function dateTime(unixMs: number): string {
  return times({ dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(unixMs);
}

/** An instant in as few signs as tell it: the time of today, day and time of this year, or the date. */
export function moment(unixMs: number, nowMs: number): string {
  const [at, now] = [new Date(unixMs), new Date(nowMs)];
  if (at.toDateString() === now.toDateString()) return times({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
  if (at.getFullYear() !== now.getFullYear()) return date(unixMs);
  return times({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
}

/** The month, where the person is. */
export function month(unixMs: number): string {
  return times({ month: "long", year: "numeric" }).format(unixMs);
}

/** The date, where the person is. */
export function date(unixMs: number): string {
  return times({ dateStyle: "medium" }).format(unixMs);
}

/** An instant on an axis whose marks are so far apart: the seconds, the time of day, the day or the month. */
export function axisTime(unixMs: number, stepMs: number): string {
  if (stepMs < 60_000) return clock(unixMs);
  const at = new Date(unixMs);
  const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
  if (stepMs < 86_400_000 && !isMidnight) return times({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(unixMs);
  if (stepMs < 27 * 86_400_000) return times({ day: "numeric", month: "short" }).format(unixMs);
  return times({ month: "short", year: "numeric" }).format(unixMs);
}

/** Two instants as a stretch of time, where the person is. */
export function span(fromMs: number, toMs: number): string {
  return times({ dateStyle: "short", timeStyle: "short", hourCycle: "h23" }).formatRange(fromMs, toMs);
}

/** How long ago, in the largest unit that fits: `now`, `40 s ago`, `3 min ago`, `2 h ago`, `5 d ago`. */
export function ago(unixMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - unixMs) / 1000));
  if (seconds < 5) return m.ago_now();
  return m.ago({ length: duration(seconds * 1000) });
}

/** How long, in the largest unit that fits: `40 s`, `3 min`, `2 h`, `5 d`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return m.seconds({ number: decimal(ms < 10_000 ? ms / 1000 : seconds, ms < 10_000 ? 1 : 0, 0) });
  if (seconds < 3600) return m.minutes({ number: number(Math.floor(seconds / 60)) });
  if (seconds < 86_400) return m.hours({ number: number(Math.floor(seconds / 3600)) });
  return m.days({ number: number(Math.floor(seconds / 86_400)) });
}

const numberFormats = new Map<string, Intl.NumberFormat>();
const timeFormats = new Map<string, Intl.DateTimeFormat>();

function decimal(value: number, atMost: number, atLeast: number): string {
  const key = `${getLocale()} ${atMost} ${atLeast}`;
  let format = numberFormats.get(key);
  if (!format) {
    // Spanish writes four digits without a point otherwise, and a column would not line up.
    format = new Intl.NumberFormat(getLocale(), { maximumFractionDigits: atMost, minimumFractionDigits: atLeast, useGrouping: "always" });
    numberFormats.set(key, format);
  }
  return format.format(value);
}

function times(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${getLocale()} ${JSON.stringify(options)}`;
  let format = timeFormats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(getLocale(), options);
    timeFormats.set(key, format);
  }
  return format;
}
