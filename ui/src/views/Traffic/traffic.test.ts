import { describe, expect, test, vi } from "vitest";

import { mock } from "../../backend/mock";
import type { QueryResult, SeriesResult } from "../../bindings/bindings";
import { tickAt, unknown, type Frame } from "../../chart/frame";
import { frameOf } from "../../chart/history";
import { layersOf } from "../../chart/layers";
import { identityOf, nameOfGroup, termsOfGroup } from "../../model/dimensions";
import { Palette } from "../../model/palette";
import { refreshMs } from "../../model/range";
import { Scope } from "../../model/scope.svelte";
import { Branches } from "./branches.svelte";
import { destinationsOf, sorted } from "./destinations";
import { KeyCursor } from "./keys";
import { LEVELS, moveBy, nodesOf, rowsSeen, subjectOf, type Node } from "./tree";

type Group = Record<string, string>;

const sum = (rx_bytes: number, tx_bytes: number) => ({ rx_bytes, tx_bytes, flows: 1, first_unix_ms: 1, last_unix_ms: 9 });

function columnsOf(groups: readonly Group[]) {
  const keys = [...new Set(groups.flatMap((group) => Object.keys(group)))];
  return keys.map((key) => {
    const texts = [...new Set(groups.flatMap((group) => group[key] ?? []))];
    return { key, texts, at: groups.map((group) => texts.indexOf(group[key] ?? "") + 1) };
  });
}

function answer(groups: [Group, rx: number, tx: number][], other: { groups: number; rx: number; tx: number } | null = null): QueryResult {
  return {
    groups: {
      keys: columnsOf(groups.map(([keys]) => keys)),
      rx_bytes: groups.map(([, rx]) => rx),
      tx_bytes: groups.map(([, , tx]) => tx),
      flows: groups.map(() => 1),
      first_unix_ms: groups.map((_, at) => 10 + at),
      last_unix_ms: groups.map((_, at) => 20 + at),
      other: other && { groups: other.groups, sum: sum(other.rx, other.tx) },
    },
    total: sum(groups.reduce((all, [, rx]) => all + rx, other?.rx ?? 0), groups.reduce((all, [, , tx]) => all + tx, other?.tx ?? 0)),
    covered: { since_unix_ms: null, until_unix_ms: null, finest: "bucket" },
    places: [],
    access: "all",
  };
}

describe("the tree", () => {
  const top = nodesOf(
    answer([[{ application: "path:/bin/a" }, 5, 1], [{ kernel: "kernel" }, 9, 0], [{ unattributed: "process-gone" }, 1, 0]], { groups: 7, rx: 100, tx: 100 }),
    LEVELS.applications[0] ?? [],
    null,
  );

  test("the rows of a level are in the order of their size, other last, and add up to the total", () => {
    expect(top.map((node) => [node.terms, node.rx + node.tx, node.groups])).toEqual([
      [[["owner", "kernel"]], 9, 1],
      [[["app", "path:/bin/a"]], 6, 1],
      [[["owner", "process-gone"]], 1, 1],
      [[], 200, 7],
    ]);
  });

  const a = top[1] as Node;
  const executables = nodesOf(answer([[{ executable: "x", path: "/bin/a", sha256: "ab".repeat(32) }, 5, 1]]), ["executable"], a);

  test("a level's query is that of the levels above and its own", () => {
    expect(executables[0]?.terms).toEqual([["app", "path:/bin/a"], ["exe", "/bin/a"], ["hash", "abababababab"]]);
  });

  test("addresses with a name are one row, those without one a row each", () => {
    const groups: [Group, number, number][] = [[{ domain: "x.org", remote: "192.0.2.1" }, 5, 0], [{ remote: "192.0.2.9" }, 4, 0], [{ domain: "x.org", remote: "192.0.2.2" }, 3, 1]];
    const nodes = nodesOf(answer(groups), ["domain", "remote"], null);
    expect(nodes.map((node) => [node.terms[0], node.rx + node.tx])).toEqual([[["domain", "x.org"], 9], [["remote", "192.0.2.9"], 4]]);
  });

  test("only what is open is seen, and other cannot be opened", () => {
    const branches = new Map<string, readonly Node[]>([["", top], [a.id, executables]]);
    expect(rowsSeen(branches, new Set(), 3)).toHaveLength(4);
    const rows = rowsSeen(branches, new Set([a.id, top[3]?.id ?? ""]), 3);
    expect(rows.map((row) => [row.node.level, row.isOpen, row.canOpen])).toEqual([[1, false, true], [1, true, true], [2, false, true], [1, false, true], [1, false, false]]);
  });

  test("arrows go along the rows, in and out", () => {
    const rows = rowsSeen(new Map<string, readonly Node[]>([["", top], [a.id, executables]]), new Set([a.id]), 3);
    const child = rows[2]?.node.id ?? "";
    expect(moveBy("ArrowDown", rows, a.id)).toEqual({ to: child });
    expect(moveBy("ArrowRight", rows, a.id)).toEqual({ to: child });
    expect(moveBy("ArrowRight", rows, child)).toEqual({ open: child });
    expect(moveBy("ArrowLeft", rows, child)).toEqual({ to: a.id });
    expect(moveBy("ArrowLeft", rows, a.id)).toEqual({ close: a.id });
    expect(moveBy("ArrowUp", rows, rows[0]?.node.id ?? "")).toEqual({ to: rows[0]?.node.id });
    expect(moveBy("x", rows, a.id)).toBeNull();
  });

  test("a row is a subject of the inspector", () => {
    expect(subjectOf(a)).toEqual({ kind: "application", key: "path:/bin/a" });
    expect(subjectOf(executables[0] as Node)).toEqual({ kind: "executable", key: `${"ab".repeat(32)} /bin/a` });
    expect(subjectOf(top[0] as Node)).toEqual({ kind: "flow", key: "owner:kernel" });
    expect(subjectOf(top[3] as Node)).toBeNull();
  });

  test("each level is asked for when it is opened, within what is above it", async () => {
    const backend = mock("busy", 1_700_000_000_000);
    const scope = new Scope();
    scope.go({ query: "country:US" });
    const branches = new Branches(backend, scope, LEVELS.applications);
    await branches.load();
    const [first] = branches.rows;
    expect(backend.asked).toHaveLength(1);
    if (first) branches.toggle(first.node);
    await vi.waitFor(() => expect(branches.rows[1]?.node.level).toBe(2));
    const queries = backend.asked.map((one) => ("request" in one ? [one.request.by, one.request.query] : []));
    expect(queries[1]).toEqual([["executable"], 'country:US app:"path:/usr/lib/firefox/firefox" since:24h']);
    // What was found within adds up to the row.
    expect(branches.rows[1]?.node.rx).toBe(first?.node.rx);
  });
});

describe("groups", () => {
  const names = { applications: new Map(), userName: (uid: number) => `user ${uid}` };

  test("what is not known can be asked for", () => {
    expect(termsOfGroup("domain", {})).toEqual([["domain", null]]);
    expect(termsOfGroup("country", { range: "private" })).toEqual([["range", "private"]]);
    const scope = new Scope();
    scope.narrow("domain", null);
    scope.narrow("container", "-");
    expect(scope.query).toBe('domain:- container:"-"');
  });

  test("are told apart and named", () => {
    expect(identityOf("application", { unattributed: "table-full" })).toBe("none:table-full");
    expect(identityOf("asn", { range: "private" })).not.toBe(identityOf("asn", { range: "loopback" }));
    expect(nameOfGroup("application", { application: "deb:firefox-esr:/usr/lib/firefox/firefox" }, names)).toBe("firefox");
    expect(nameOfGroup("asn", { asn: "64496", asn_name: "EXAMPLE" }, names)).toBe("AS64496 EXAMPLE");
    expect(nameOfGroup("user", { user: "7" }, names)).toBe("user 7");
    expect(nameOfGroup("domain", { domain: "x.org", inferred: "true" }, names)).toBe("~x.org");
  });
});

const naming = { identity: (line: { keys: Readonly<Group> }) => line.keys["application"] ?? "-", name: (line: { keys: Readonly<Group> }) => line.keys["application"] ?? "-", other: "other" };

function series(times: number[], lines: [name: string, rx: number[]][], more: Partial<SeriesResult> = {}): SeriesResult {
  return {
    step_ms: 60_000,
    times_unix_ms: times,
    keys: columnsOf(lines.map(([application]) => ({ application }))),
    lines: lines.map(([, rx]) => ({ rx_bytes: rx, tx_bytes: rx.map(() => 0), flows: rx.map(() => 0) })),
    other: null,
    covered: { since_unix_ms: null, until_unix_ms: null, finest: "minute" },
    places: [],
    access: "all",
    ...more,
  };
}

describe("a series", () => {
  test("steps that are missing are gaps, and silence is none", () => {
    const drawn = frameOf(series([0, 60_000, 240_000], [["a", [60, 0, 120]]]), [0, 600_000], 300_000, new Palette(), naming);
    expect(drawn.series[0]?.rx).toEqual([1, 0, 2]);
    expect(drawn.gapBefore).toEqual([true, false, true]);
    expect(unknown(drawn).filter(([from, to]) => from !== to)).toEqual([[120_000, 240_000], [300_000, 600_000]]);
    expect([tickAt(drawn, 30_000), tickAt(drawn, 150_000), tickAt(drawn, 299_000), tickAt(drawn, 400_000)]).toEqual([0, null, 2, null]);
  });

  test("rates are those of the part of a step that is known", () => {
    const covered = { since_unix_ms: 30_000, until_unix_ms: null, finest: "minute" };
    const drawn = frameOf(series([0, 60_000, 120_000], [["a", [60, 60, 60]]], { covered }), [0, 180_000], 135_000, new Palette(), naming);
    expect(drawn.series[0]?.rx).toEqual([2, 1, 4]);
    expect(unknown(drawn)).toEqual([[0, 30_000], [135_000, 180_000]]);
  });

  test("a step that has just begun is no peak", () => {
    const drawn = frameOf(series([0, 60_000], [["a", [60, 100]]]), [0, 60_001], 60_001, new Palette(), naming);
    expect(drawn.series[0]?.rx[1]).toBe(10);
  });

  test("colours stay with their line, whatever else is asked for", () => {
    const palette = new Palette();
    const slots = (lines: [string, number[]][]) => Object.fromEntries(frameOf(series([0], lines), [0, 60_000], 60_000, palette, naming).series.map((one) => [one.name, one.slot]));
    expect(slots([["a", [9]], ["b", [8]], ["c", [7]]])).toEqual({ a: 1, b: 2, c: 3 });
    expect(slots([["c", [9]], ["d", [8]], ["b", [7]]])).toEqual({ b: 2, c: 3, d: 1 });
  });

  test("the rest is a line of its own, without a colour", () => {
    const other = { rx_bytes: [600], tx_bytes: [0], flows: [0] };
    const drawn = frameOf(series([0], [["a", [60]]], { other }), [0, 60_000], 60_000, new Palette(), naming);
    expect(drawn.series[1]).toMatchObject({ key: "other", slot: null, rx: [10] });
  });
});

describe("layers", () => {
  const one = (key: string, slot: number | null, rx: number[], tx: number[]) => ({ key, name: key, slot, rx, tx });
  const drawn: Frame = { fromMs: 0, toMs: 2, starts: [0, 1], ends: [1, 2], gapBefore: [true, false], series: [one("a", 1, [1, 2], [5, 0]), one("b", null, [10, 0], [0, 7])] };

  test("both ways are stacked from the middle line", () => {
    expect(layersOf(drawn, "both", "stacked").map(({ upper }) => upper)).toEqual([[1, 2], [11, 2], [-5, 0], [-5, -7]]);
  });

  test("the total is the sum, lines are not stacked", () => {
    expect(layersOf(drawn, "total", "lines")).toEqual([
      { slot: 1, upper: [6, 2], lower: null },
      { slot: null, upper: [10, 7], lower: null },
    ]);
    expect(layersOf(drawn, "sent", "stacked").at(-1)).toEqual({ slot: null, upper: [5, 7], lower: [5, 0] });
  });

  test("the keyboard reads and chooses", () => {
    const pointed: (number | null)[] = [];
    const cursor = new KeyCursor((at) => pointed.push(at), () => {});
    const press = (key: string, shiftKey = false) => cursor.press(new KeyboardEvent("keydown", { key, shiftKey }), drawn);
    expect(press("Enter")).toBeNull();
    expect([press("ArrowLeft"), press("ArrowLeft", true), press("Enter")]).toEqual(["moved", "moved", [0, 2]]);
    expect(pointed).toEqual([1.5, 0.5, null]);
  });
});

describe("destinations", () => {
  const rows = destinationsOf(
    answer([[{ domain: "x.org", remote: "192.0.2.1", country: "DE" }, 5, 0], [{ remote: "10.0.0.1", range: "private" }, 4, 0], [{ domain: "x.org", remote: "192.0.2.2", country: "US" }, 3, 1]], { groups: 3, rx: 50, tx: 0 }),
    answer([[{ remote: "192.0.2.1", asn: "64496", asn_name: "EXAMPLE" }, 5, 0]]),
  );

  test("a name has all its addresses, and the rows add up", () => {
    expect(rows.map(({ name, count, rx, tx, country, asn, range, firstMs, lastMs }) => [name, count, rx + tx, country, asn, range, firstMs, lastMs])).toEqual([
      ["x.org", 2, 9, "DE", "64496", null, 10, 22],
      ["10.0.0.1", 1, 4, null, null, "private", 11, 21],
      ["", 3, 50, null, null, null, 1, 9],
    ]);
  });

  test("sorted either way, what is not known and the rest stay at the end", () => {
    const names = (by: "name" | "country" | "rx", isUp: boolean) => sorted(rows, by, isUp).map(({ name }) => name);
    expect(names("name", true)).toEqual(["10.0.0.1", "x.org", ""]);
    expect(names("rx", true)).toEqual(["10.0.0.1", "x.org", ""]);
    expect(names("country", false)).toEqual(["x.org", "10.0.0.1", ""]);
    expect(names("country", true)).toEqual(["x.org", "10.0.0.1", ""]);
  });
});

test("what goes on is asked for again, what is over is not", () => {
  expect([refreshMs({ last: "24h" }), refreshMs({ last: "7d" }), refreshMs({ last: "all" }), refreshMs({ fromMs: 0, toMs: 9 })]).toEqual([10_000, 60_000, 60_000, null]);
});
