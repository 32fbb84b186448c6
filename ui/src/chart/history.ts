import type { SeriesResult } from "../bindings/bindings";
import { gapsOf, linesOf, type SeriesLine } from "../model/groups";
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
 * The daemon sends every step, zeros where nothing moved. Unknown are those in which nobody recorded, what is before the history
 * begins and what has not been recorded yet.
 */
export function frameOf(answer: SeriesResult, ends: [fromMs: number, toMs: number] | null, nowMs: number, palette: Palette, naming: Naming): Frame {
  const { step_ms, times_unix_ms: times } = answer;
  const since = answer.covered.since_unix_ms ?? -Infinity;
  const until = Math.min(answer.covered.until_unix_ms ?? Infinity, nowMs);
  const isGap = gapsOf(answer);
  const known = times.flatMap((start, at) => (start + step_ms > since && start < until && !isGap(start) ? [at] : []));
  const starts = known.map((at) => Math.max(times[at] ?? 0, since));
  const stops = known.map((at) => Math.min((times[at] ?? 0) + step_ms, until));
  const perSecond = (numbers: readonly number[]) =>
    known.map((at, index) => {
      const long = (stops[index] ?? 0) - (starts[index] ?? 0);
      return ((numbers[at] ?? 0) * 1000) / Math.max(long, Math.min(step_ms, LEAST_MS));
    });
  const seriesOf = (key: string, name: string, rx: readonly number[], tx: readonly number[]): Series => {
    return { key, name, slot: palette.slotOf(key), rx: perSecond(rx), tx: perSecond(tx), rxBytes: sumOf(rx), txBytes: sumOf(tx) };
  };
  const lines = addedUp(linesOf(answer), naming.identity);
  palette.assign([...lines.keys()]);
  const series = palette.inOrder().flatMap((key) => {
    const line = lines.get(key);
    return line ? [seriesOf(key, naming.name(line), line.rx, line.tx)] : [];
  });
  if (answer.other) series.push(seriesOf(OTHER, naming.other, answer.other.rx_bytes, answer.other.tx_bytes));
  return {
    fromMs: ends?.[0] ?? starts[0] ?? nowMs - LEAST_MS,
    toMs: ends?.[1] ?? Math.max(stops.at(-1) ?? 0, nowMs),
    starts,
    ends: stops,
    gapBefore: starts.map((start, index) => start !== stops[index - 1]),
    series,
  };
}

/** One line for each identity, the largest first. */
function addedUp(lines: readonly SeriesLine[], identity: Naming["identity"]): Map<string, SeriesLine> {
  const found = new Map<string, SeriesLine>();
  for (const line of lines) {
    const key = identity(line);
    const before = found.get(key);
    const plus = (one: readonly number[], other: readonly number[]) => one.map((bytes, at) => bytes + (other[at] ?? 0));
    found.set(key, before ? { keys: before.keys, rx: plus(before.rx, line.rx), tx: plus(before.tx, line.tx) } : line);
  }
  const size = ({ rx, tx }: SeriesLine) => sumOf(rx) + sumOf(tx);
  return new Map([...found].sort(([, a], [, b]) => size(b) - size(a)));
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}
