import type { LiveRow, LiveTick } from "../bindings/bindings";
import { m } from "../paraglide/messages.js";
import { fileName } from "../text/hostile";

/** One program of one user in the live view. */
export interface Program {
  /** Distinguishes it in the table: application, content and user. */
  key: string;
  /** What the chart groups by. */
  series: string;
  /** `null` for the kernel and for bytes without an owner. */
  application: string | null;
  name: string;
  path: string;
  sha256: string | null;
  parent: string | null;
  uid: number;
  review: string | null;
  /** Where most of its bytes went last, `address:port`, and what that is called: hostile. `null` where nothing is known. */
  remote: string | null;
  domain: string | null;
  isInferred: boolean;
  /** Connections that were open in the last tick; 0 of what was closed. */
  flows: number;
  /** Bytes in a second, of the last tick. */
  rxRate: number;
  txRate: number;
  /** Bytes of all ticks in the view. */
  rxTotal: number;
  txTotal: number;
}

/** What a row belongs to in the chart: its application, or the reason why it has none. */
export function seriesOf(row: LiveRow): string {
  return row.application ?? `none:${row.path}`;
}

/** The programs of the ticks, those with the most bytes first. */
export function programs(ticks: readonly LiveTick[]): Program[] {
  const found = new Map<string, Program>();
  const last = ticks.at(-1);
  for (const tick of ticks) {
    for (const row of tick.rows) {
      const key = keyOf(row);
      let program = found.get(key);
      if (!program) {
        program = begin(key, row);
        found.set(key, program);
      }
      program.parent = row.parent_path ?? program.parent;
      program.review = row.review;
      if (row.remote !== null) {
        [program.remote, program.domain, program.isInferred] = [row.remote, row.domain, row.domain_inferred];
      }
      program.rxTotal += row.rx_bytes;
      program.txTotal += row.tx_bytes;
      if (tick === last) {
        program.flows += row.flows;
        program.rxRate += perSecond(row.rx_bytes, tick);
        program.txRate += perSecond(row.tx_bytes, tick);
      }
    }
  }
  return [...found.values()].sort(byBytes);
}

/** Ticks stay for five minutes: a row's key is made once. */
const keys = new WeakMap<LiveRow, string>();

function keyOf(row: LiveRow): string {
  const known = keys.get(row);
  if (known !== undefined) return known;
  const key = JSON.stringify([seriesOf(row), row.sha256, row.uid]);
  keys.set(row, key);
  return key;
}

/** Bytes of a tick as bytes in a second. */
export function perSecond(bytes: number, tick: LiveTick): number {
  return tick.interval_ms > 0 ? (bytes * 1000) / tick.interval_ms : 0;
}

/**
 * Rows in the order in which they were last shown, new ones at the end.
 *
 * While a person points at a row, rows must not move: a click on “Approve” would hit another program.
 */
export function inOrderOf<Row>(shown: readonly string[], now: readonly Row[], keyOf: (row: Row) => string): Row[] {
  const place = new Map(shown.map((key, index) => [key, index]));
  const at = (row: Row) => place.get(keyOf(row)) ?? shown.length;
  return [...now].sort((a, b) => at(a) - at(b));
}

/** What stands for an owner that is not a program, in words. */
const NOBODY: Record<string, () => string> = {
  kernel: m.nobody_kernel,
  "process-gone": m.nobody_process_gone,
  "file-unavailable": m.nobody_file_unavailable,
  "file-changed": m.nobody_file_changed,
  "file-unreadable": m.nobody_file_unreadable,
  "table-full": m.nobody_table_full,
  "not-taken-over": m.nobody_not_taken_over,
  imported: m.nobody_imported,
  "damaged-history": m.nobody_damaged_history,
};

/** The words for a reason why there is no program. */
export function nobodyOf(reason: string): string {
  return NOBODY[reason]?.() ?? m.nobody({ reason });
}

/** What to call the owner of a row. */
export function nameOf(row: LiveRow): string {
  if (row.application !== null) return fileName(row.path);
  return nobodyOf(row.path);
}

function begin(key: string, row: LiveRow): Program {
  return {
    key,
    series: seriesOf(row),
    application: row.application,
    name: nameOf(row),
    path: row.application === null ? "" : row.path,
    sha256: row.sha256,
    parent: row.parent_path,
    uid: row.uid,
    review: row.review,
    remote: null,
    domain: null,
    isInferred: false,
    flows: 0,
    rxRate: 0,
    txRate: 0,
    rxTotal: 0,
    txTotal: 0,
  };
}

function byBytes(a: Program, b: Program): number {
  return b.rxTotal + b.txTotal - (a.rxTotal + a.txTotal) || a.name.localeCompare(b.name, "en") || (a.key < b.key ? -1 : 1);
}
