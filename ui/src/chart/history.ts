import type { SeriesResult } from "../bindings/bindings";
import { linesOf, type SeriesLine } from "../model/groups";
import type { Palette } from "../model/palette";
import { OTHER, type Frame, type Series } from "./frame";

/** A step that has only begun is as long as this at least, so that its first bytes are no peak. */
const LEAST_MS = 10_000;

/** How lines are told apart and called. */
export interface Naming {
  identity: (line: SeriesLine) => string;
  name: (line: SeriesLine) => string;
  other: string;
}

/**
 * A series of the history as what the chart draws: bytes become bytes in a second of the part of each step that is known.
 *
 * Steps that are missing, what is before the history begins and what has not been recorded yet are gaps.
 */
export function frameOf(answer: SeriesResult, ends: [fromMs: number, toMs: number] | null, nowMs: number, palette: Palette, naming: Naming): Frame {
  const { step_ms, times_unix_ms: times } = answer;
  const since = answer.covered.since_unix_ms ?? -Infinity;
  const until = Math.min(answer.covered.until_unix_ms ?? Infinity, nowMs);
  const known = times.flatMap((start, at) => (start + step_ms > since && start < until ? [at] : []));
  const starts = known.map((at) => Math.max(times[at] ?? 0, since));
  const stops = known.map((at) => Math.min((times[at] ?? 0) + step_ms, until));
  const perSecond = (numbers: readonly number[]) =>
    known.map((at, index) => {
      const long = (stops[index] ?? 0) - (starts[index] ?? 0);
      return ((numbers[at] ?? 0) * 1000) / Math.max(long, Math.min(step_ms, LEAST_MS));
    });
  const lines = linesOf(answer);
  palette.assign(lines.map(naming.identity));
  const byKey = new Map(lines.map((line) => [naming.identity(line), line]));
  const series: Series[] = palette.inOrder().flatMap((key) => {
    const line = byKey.get(key);
    return line ? [{ key, name: naming.name(line), slot: palette.slotOf(key), rx: perSecond(line.rx), tx: perSecond(line.tx) }] : [];
  });
  if (answer.other) {
    series.push({ key: OTHER, name: naming.other, slot: null, rx: perSecond(answer.other.rx_bytes), tx: perSecond(answer.other.tx_bytes) });
  }
  return {
    fromMs: ends?.[0] ?? starts[0] ?? nowMs - LEAST_MS,
    toMs: ends?.[1] ?? Math.max(stops.at(-1) ?? 0, nowMs),
    starts,
    ends: stops,
    gapBefore: starts.map((start, index) => start !== stops[index - 1]),
    series,
  };
}
