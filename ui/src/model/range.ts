/** The time that everything in the window is about. */

/** How far back from now. */
export const SPANS = ["5m", "1h", "24h", "7d", "30d", "365d", "all"] as const;
export type Span = (typeof SPANS)[number];

/** The last of a span, moving with the clock, or a time between two others, which stays. */
export type Range = { last: Span } | { fromMs: number; toMs: number };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LENGTHS: Record<Exclude<Span, "all">, number> = {
  "5m": 5 * MINUTE,
  "1h": HOUR,
  "24h": DAY,
  "7d": 7 * DAY,
  "30d": 30 * DAY,
  "365d": 365 * DAY,
};

/** Less than this nobody can choose: a bucket is ten seconds. */
const SHORTEST_MS = 60_000;

/** How long it is; `null` for all that there is. */
export function lengthOf(range: Range): number | null {
  if ("last" in range) return range.last === "all" ? null : LENGTHS[range.last];
  return range.toMs - range.fromMs;
}

/** Both ends at an instant; `null` for all that there is. */
export function endsOf(range: Range, nowMs: number): [fromMs: number, toMs: number] | null {
  if (!("last" in range)) return [range.fromMs, range.toMs];
  const length = lengthOf(range);
  return length === null ? null : [nowMs - length, nowMs];
}

/** The words for it in a query; none for all. */
export function termsOf(range: Range): string {
  if (!("last" in range)) return `since:${instant(range.fromMs)} until:${instant(range.toMs)}`;
  return range.last === "all" ? "" : `since:${range.last}`;
}

/** What a person drew on the chart, never shorter than what the history can tell. */
export function between(aMs: number, bMs: number): Range {
  const [from, to] = aMs < bMs ? [aMs, bMs] : [bMs, aMs];
  const missing = Math.max(0, SHORTEST_MS - (to - from));
  return { fromMs: Math.floor(from - missing / 2), toMs: Math.ceil(to + missing / 2) };
}

/** The same length, one length earlier (−1) or later (1); never later than now, and a span that reaches it goes on with it. */
export function stepped(range: Range, direction: -1 | 1, nowMs: number): Range {
  const ends = endsOf(range, nowMs);
  if (ends === null || (isLive(range) && direction === 1)) return range;
  const length = ends[1] - ends[0];
  const to = Math.min(nowMs, ends[1] + direction * length);
  // A step back and one forth again takes a moment.
  const reached = nowMs - to < SHORTEST_MS ? SPANS.find((span) => lengthOf({ last: span }) === length) : undefined;
  return reached === undefined ? { fromMs: to - length, toMs: to } : { last: reached };
}

/** After which time there is something new to ask for; `null` for a time that is over. */
export function refreshMs(range: Range): number | null {
  if (!isLive(range)) return null;
  const length = lengthOf(range);
  return length !== null && length <= HOUR ? 10_000 : MINUTE;
}

/** Whether it goes on with the clock. */
export function isLive(range: Range): boolean {
  return "last" in range;
}

function instant(unixMs: number): string {
  return `@${Math.floor(unixMs / 1000)}`;
}
