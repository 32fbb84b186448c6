import type { Column, Gap, Groups, Other, SeriesResult } from "../bindings/bindings";

/** One group of an answer. */
export interface Group {
  keys: Readonly<Record<string, string>>;
  tx: number;
  rx: number;
  flows: number;
  firstMs: number;
  lastMs: number;
}

/** One line of a series. */
export interface SeriesLine {
  keys: Readonly<Record<string, string>>;
  tx: readonly number[];
  rx: readonly number[];
}

/** The groups, one by one; a key that is not known is not there. */
export function rowsOf(groups: Groups): Group[] {
  return groups.tx_bytes.map((tx, at) => ({
    keys: keysAt(groups.keys, at),
    tx,
    rx: groups.rx_bytes[at] ?? 0,
    flows: groups.flows[at] ?? 0,
    firstMs: groups.first_unix_ms[at] ?? 0,
    lastMs: groups.last_unix_ms[at] ?? 0,
  }));
}

/** All that has no row of its own, as one. */
export function otherOf(other: Other | null): Group | null {
  if (other === null) return null;
  const { tx_bytes: tx, rx_bytes: rx, flows, first_unix_ms: first, last_unix_ms: last } = other.sum;
  return { keys: {}, tx, rx, flows, firstMs: first ?? 0, lastMs: last ?? 0 };
}

/** The lines of a series, largest first. */
export function linesOf(series: SeriesResult): SeriesLine[] {
  return series.lines.map((line, at) => ({ keys: keysAt(series.keys, at), tx: line.tx_bytes, rx: line.rx_bytes }));
}

/** Whether nobody recorded any of the step that begins at an instant; asked for one step after the other. */
export function gapsOf({ step_ms, gaps }: { step_ms: number; gaps: readonly Gap[] }): (startMs: number) => boolean {
  let at = 0;
  return (startMs) => {
    while ((gaps[at]?.until_unix_ms ?? Infinity) < startMs + step_ms) at += 1;
    return (gaps[at]?.from_unix_ms ?? Infinity) <= startMs;
  };
}

function keysAt(columns: readonly Column[], at: number): Record<string, string> {
  const keys: Record<string, string> = {};
  for (const { key, texts, at: numbers } of columns) {
    const text = texts[(numbers[at] ?? 0) - 1];
    if (text !== undefined) keys[key] = text;
  }
  return keys;
}
