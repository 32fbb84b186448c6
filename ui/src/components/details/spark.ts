import type { Gap } from "../../bindings/bindings";
import { gapsOf } from "../../model/groups";

/** A whole history in a small place: steps, with what is received above and what is sent below one line. */

export interface Shape {
  received: string;
  sent: string;
  /** How much each column is of. */
  stepMs: number;
  fromMs: number;
  toMs: number;
  /** The most that a column has of either. */
  most: number;
  /** Where nobody recorded. */
  gaps: Hole[];
}

/** A place without a column, and of which time. */
export interface Hole {
  x: number;
  width: number;
  fromMs: number;
  toMs: number;
}

interface Series {
  step_ms: number;
  gaps: readonly Gap[];
  times_unix_ms: readonly number[];
  lines: readonly { rx_bytes: readonly number[]; tx_bytes: readonly number[] }[];
}

/** The paths in a place of a width and of a height for each of both; `null` when nothing moved. */
export function shape({ step_ms, gaps, times_unix_ms: times, lines: [line] }: Series, width: number, height: number): Shape | null {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined || line === undefined) return null;
  const steps = Math.ceil((last + step_ms - first) / step_ms);
  const stepMs = step_ms * Math.ceil(steps / width);
  const columns = Math.ceil((last + step_ms - first) / stepMs);
  const known: { rx: number; tx: number }[] = [];
  const isGap = gapsOf({ step_ms, gaps });
  for (const [at, time] of times.entries()) {
    if (isGap(time)) continue;
    const column = Math.floor((time - first) / stepMs);
    const sum = (known[column] ??= { rx: 0, tx: 0 });
    sum.rx += line.rx_bytes[at] ?? 0;
    sum.tx += line.tx_bytes[at] ?? 0;
  }
  const most = known.reduce((max, sum) => Math.max(max, sum.rx, sum.tx), 0);
  if (most === 0) return null;
  const path = (pick: "rx" | "tx", sign: 1 | -1) => {
    let text = "";
    for (let column = 0; column < columns; column += 1) {
      const sum = known[column];
      if (sum === undefined) continue;
      const [from, to] = [column, column + 1].map((at) => round((at * width) / columns));
      if (known[column - 1] === undefined) text += `M${from} ${height}`;
      text += `V${round(height - (sign * sum[pick] * height) / most)}H${to}`;
      if (known[column + 1] === undefined) text += `V${height}Z`;
    }
    return text;
  };
  const holes: Hole[] = [];
  for (let column = 0; column < columns; column += 1) {
    if (known[column] !== undefined) continue;
    const [x, end] = [column, column + 1].map((at) => round((at * width) / columns)) as [number, number];
    const [fromMs, toMs] = [first + column * stepMs, Math.min(first + (column + 1) * stepMs, last + step_ms)];
    const before = holes.at(-1);
    if (before !== undefined && known[column - 1] === undefined) [before.width, before.toMs] = [round(end - before.x), toMs];
    else holes.push({ x, width: round(end - x), fromMs, toMs });
  }
  return { gaps: holes, received: path("rx", 1), sent: path("tx", -1), stepMs, fromMs: first, toMs: last + step_ms, most };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
