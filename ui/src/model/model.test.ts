import { describe, expect, test } from "vitest";

import type { LiveRow, LiveTick } from "../bindings/bindings";
import { OTHER, frame, largest, stacked, tickAt, unknown } from "../chart/frame";
import { Palette } from "./palette";
import { inOrderOf, programs } from "./programs";
import { RANGE_MS, withHistory, withTick } from "./ticks";
import { View } from "./view.svelte";

function row(path: string, rx_bytes: number, tx_bytes: number, more: Partial<LiveRow> = {}): LiveRow {
  const owner = { application: `path:${path}`, sha256: "a".repeat(64), parent_path: "/bin/sh", review: "unreviewed" };
  return { path, ...owner, unit: null, container: null, uid: 1000, remote: null, domain: null, domain_inferred: false, rx_bytes, tx_bytes, flows: 1, ...more };
}

function tick(second: number, rows: LiveRow[] = [], interval_ms = 1000): LiveTick {
  return { unix_ms: second * 1000, interval_ms, rows };
}

const ends = (ticks: readonly LiveTick[]) => ticks.map((one) => one.unix_ms / 1000);

describe("ticks", () => {
  test("older than five minutes leave", () => {
    const many = Array.from({ length: 400 }, (_, index) => tick(index)).reduce<LiveTick[]>(withTick, []);
    expect(many).toHaveLength(RANGE_MS / 1000);
    expect(many[0]?.unix_ms).toBe(100_000);
  });

  test("a clock that was set back drops what lies ahead", () => {
    expect(ends(withTick([tick(10), tick(11)], tick(5)))).toEqual([5]);
  });

  test("a history replaces what it covers and keeps what it does not", () => {
    expect(ends(withHistory([tick(1), tick(2), tick(8)], [tick(8), tick(9)]))).toEqual([1, 2, 8, 9]);
    expect(ends(withHistory([tick(1)], []))).toEqual([1]);
  });
});

describe("programs", () => {
  test("totals are exact, rates are those of the last tick", () => {
    const ticks = [tick(1, [row("/bin/a", 100, 7)]), tick(3, [row("/bin/a", 500, 20), row("/bin/b", 1, 1)], 2000)];
    const [a, b] = programs(ticks);
    expect(a).toMatchObject({ name: "a", rxTotal: 600, txTotal: 27, rxRate: 250, txRate: 10 });
    expect(b).toMatchObject({ name: "b", rxTotal: 1, txTotal: 1 });
  });

  test("another content and another user are other rows, in one series", () => {
    const rows = [row("/bin/a", 1, 1), row("/bin/a", 1, 1, { sha256: "b".repeat(64) }), row("/bin/a", 1, 1, { uid: 0 })];
    const found = programs([tick(1, rows)]);
    expect(found).toHaveLength(3);
    expect(new Set(found.map((one) => one.series)).size).toBe(1);
  });

  test("bytes without an owner say why and cannot be reviewed", () => {
    const [found] = programs([tick(1, [row("process-gone", 5, 0, { application: null, sha256: null })])]);
    expect(found).toMatchObject({ application: null, name: "Unknown: the process was gone", path: "" });
  });

  test("rows keep their places while a person points at them", () => {
    const now = programs([tick(1, [row("/a", 9, 0), row("/b", 5, 0), row("/new", 7, 0)])]);
    const [a, fresh, b] = now.map((one) => one.key);
    expect(inOrderOf([b ?? "", a ?? ""], now, (one) => one.key).map((one) => one.key)).toEqual([b, a, fresh]);
  });
});

describe("the chart", () => {
  test("a series keeps its colour while it is among the largest", () => {
    const palette = new Palette();
    palette.assign(["a", "b", "c"]);
    palette.assign(["c", "a", "d"]);
    expect(["a", "b", "c", "d"].map((one) => palette.slotOf(one))).toEqual([1, null, 3, 2]);
  });

  test("what is not among the eight largest is other, and no byte is missing", () => {
    const ticks = [tick(1, Array.from({ length: 12 }, (_, index) => row(`/bin/${index}`, index + 1, 2)))];
    const palette = new Palette();
    palette.assign(largest(ticks));
    const drawn = frame(ticks, palette);
    expect(drawn.series).toHaveLength(9);
    expect(drawn.series.at(-1)).toMatchObject({ key: OTHER, slot: null, rx: [1 + 2 + 3 + 4], tx: [8], rxBytes: 10, txBytes: 8 });
    expect(drawn.series.reduce((sum, one) => sum + (one.rx[0] ?? 0), 0)).toBe(78);
  });

  test("missing seconds are a gap", () => {
    const ticks = [tick(1, [row("/a", 1, 0)]), tick(2), tick(9), tick(10)];
    const drawn = frame(ticks, new Palette());
    expect(drawn.gapBefore).toEqual([true, false, true, false]);
    expect(tickAt(drawn, 5_000)).toBeNull();
    expect(tickAt(drawn, 8_500)).toBe(2);
    expect(unknown(drawn)).toEqual([
      [10_000 - RANGE_MS, 0],
      [2_000, 8_000],
    ]);
  });

  test("edges of a stack add up", () => {
    expect(stacked([[1, 2], [10, 20]], 2)).toEqual([[1, 2], [11, 22]]);
  });
});

describe("the view", () => {
  test("an answer shows at once, and the daemon has the last word", () => {
    const view = new View();
    view.apply({ event: "tick", tick: tick(1, [row("/a", 1, 0)]) });
    view.apply({ event: "reviewed", application: "path:/a", review: "approved" });
    expect(view.programs[0]?.review).toBe("approved");
    view.apply({ event: "tick", tick: tick(2, [row("/a", 1, 0, { review: "approved" })]) });
    view.apply({ event: "tick", tick: tick(3, [row("/a", 1, 0, { review: "unreviewed" })]) });
    expect(view.programs[0]?.review).toBe("unreviewed");
  });
});
