import type { LiveTick } from "../bindings/bindings";
import type { Palette } from "../model/palette";
import { nameOf, perSecond, seriesOf } from "../model/programs";
import { m } from "../paraglide/messages.js";
import { RANGE_MS, isGap, startOf } from "../model/ticks";

/** One application in the chart. Rates are bytes in a second, one for each tick. */
export interface Series {
  key: string;
  name: string;
  /** The colour's number from 1; `null` for “other”. */
  slot: number | null;
  rx: number[];
  tx: number[];
  /** All its bytes, as they were counted. */
  rxBytes: number;
  txBytes: number;
}

/** What the chart draws: steps from `starts` to `ends`, stacked in the order of `series`. */
export interface Frame {
  fromMs: number;
  toMs: number;
  starts: number[];
  ends: number[];
  /** Whether nothing is known between the tick before and this one. */
  gapBefore: boolean[];
  series: Series[];
}

/** The key of all that has no colour of its own; nothing that has a name can be called so. */
export const OTHER = "\0other";

/** The ticks as stacked series by application. */
export function frame(ticks: readonly LiveTick[], palette: Palette): Frame {
  const series = new Map<string, Series>();
  for (const key of palette.inOrder()) series.set(key, blank(key, "", palette.slotOf(key), ticks.length));
  for (const [index, tick] of ticks.entries()) {
    for (const row of tick.rows) {
      if (row.rx_bytes === 0 && row.tx_bytes === 0) continue;
      const key = series.has(seriesOf(row)) ? seriesOf(row) : OTHER;
      const one = series.get(key) ?? blank(OTHER, m.traffic_other(), null, ticks.length);
      if (key === OTHER) series.set(OTHER, one);
      else one.name = nameOf(row);
      one.rx[index] = (one.rx[index] ?? 0) + perSecond(row.rx_bytes, tick);
      one.tx[index] = (one.tx[index] ?? 0) + perSecond(row.tx_bytes, tick);
      one.rxBytes += row.rx_bytes;
      one.txBytes += row.tx_bytes;
    }
  }
  const toMs = ticks.at(-1)?.unix_ms ?? Date.now();
  return {
    fromMs: toMs - RANGE_MS,
    toMs,
    starts: ticks.map(startOf),
    ends: ticks.map((tick) => tick.unix_ms),
    gapBefore: ticks.map((tick, index) => {
      const before = ticks[index - 1];
      return before === undefined || isGap(before, tick);
    }),
    series: [...series.values()].filter((one) => one.name !== ""),
  };
}

/** Series by the size of their bytes, largest first: what gets a colour. */
export function largest(ticks: readonly LiveTick[]): string[] {
  const totals = new Map<string, number>();
  for (const tick of ticks) {
    for (const row of tick.rows) {
      const bytes = row.rx_bytes + row.tx_bytes;
      if (bytes > 0) totals.set(seriesOf(row), (totals.get(seriesOf(row)) ?? 0) + bytes);
    }
  }
  return [...totals].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([key]) => key);
}

/** Each list plus all lists before it: the upper edges of a stack. */
export function stacked(lists: readonly number[][], length: number): number[][] {
  const sums: number[] = Array.from({ length }, () => 0);
  return lists.map((list) => list.map((value, index) => (sums[index] = (sums[index] ?? 0) + value)));
}

/** The index of the tick whose interval holds an instant; `null` in a gap. */
export function tickAt(drawn: Frame, unixMs: number): number | null {
  let [low, high] = [0, drawn.ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((drawn.ends[middle] ?? Infinity) < unixMs) low = middle + 1;
    else high = middle;
  }
  return unixMs > (drawn.starts[low] ?? Infinity) ? low : null;
}

/** The spans of time of which nothing is known, from and to. */
export function unknown(drawn: Frame): [fromMs: number, toMs: number][] {
  const last = drawn.ends.at(-1) ?? drawn.fromMs;
  const before = drawn.starts.flatMap((start, index) =>
    drawn.gapBefore[index] === true ? [[drawn.ends[index - 1] ?? drawn.fromMs, start] satisfies [number, number]] : [],
  );
  return drawn.toMs > last ? [...before, [last, drawn.toMs]] : before;
}

function blank(key: string, name: string, slot: number | null, length: number): Series {
  const zeros = () => Array.from({ length }, () => 0);
  return { key, name, slot, rx: zeros(), tx: zeros(), rxBytes: 0, txBytes: 0 };
}
