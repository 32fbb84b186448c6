import { describe, expect, test, vi } from "vitest";

import { mock } from "../../backend/mock";
import type { QueryResult, SeriesResult } from "../../bindings/bindings";
import { OTHER, tickAt, unknown, type Frame } from "../../chart/frame";
import { frameOf } from "../../chart/history";
import { layersOf } from "../../chart/layers";
import { dimensions, identityOf, nameOfGroup, termsOfGroup, type Dimension } from "../../model/dimensions";
import { Palette } from "../../model/palette";
import { refreshMs } from "../../model/range";
import { Scope } from "../../model/scope.svelte";
import { View } from "../../model/view.svelte";
import { Branches } from "./branches.svelte";
import { destinationsOf, sorted } from "./destinations";
import { Drawn } from "./drawn.svelte";
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
    [answer([[{ application: "path:/bin/a" }, 5, 1], [{ kernel: "kernel" }, 9, 0], [{ unattributed: "process-gone" }, 1, 0]], { groups: 7, rx: 100, tx: 100 })],
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
  const executables = nodesOf([answer([[{ executable: "/bin/a", path: "/bin/a", sha256: "ab".repeat(32) }, 5, 1]])], ["executable"], a);

  test("a level's query is that of the levels above and its own", () => {
    expect(executables[0]?.terms).toEqual([["app", "path:/bin/a"], ["exe", "/bin/a"], ["hash", "abababababab"]]);
  });

  test("of a name without an address and an address without a name each has its sum, and the rest is one row", () => {
    const named = answer([[{ domain: "x.org" }, 5, 0], [{ domain: "x.org", inferred: "true" }, 3, 1]], { groups: 2, rx: 10, tx: 0 });
    const nameless = answer([[{ remote: "192.0.2.9" }, 4, 0]], { groups: 1, rx: 1, tx: 1 });
    const nodes = nodesOf([named, nameless], ["domain", "remote"], null);
    expect(nodes.map((node) => [node.terms, node.rx + node.tx, node.groups])).toEqual([
      [[["domain", "x.org"]], 9, 1],
      [[["remote", "192.0.2.9"], ["domain", null]], 4, 1],
      [[], 12, 3],
    ]);
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
    const executable = branches.rows[1]?.node;
    if (executable) branches.toggle(executable);
    await vi.waitFor(() => expect(branches.rows[2]?.node.level).toBe(3));
    const destinations = branches.rows.filter((row) => row.parent === executable?.id);
    expect(destinations.reduce((sum, { node }) => sum + node.rx, 0)).toBe(executable?.rx);
  });

  test("a child that was not answered says why, and a list that was overtaken asks for no children", async () => {
    const backend = mock("busy", 1_700_000_000_000);
    const scope = new Scope();
    const branches = new Branches(backend, scope, LEVELS.applications);
    await Promise.all([branches.load(), branches.load()]);
    const [first] = branches.rows;
    backend.ask = () => Promise.reject({ kind: "other", message: "the disk is full", place: null });
    if (first) branches.toggle(first.node);
    await vi.waitFor(() => expect(branches.rows[1]?.node).toMatchObject({ level: 2, failure: "the disk is full" }));
    expect(branches.rows[1]?.canOpen).toBe(false);
    let release = () => {};
    const wait = new Promise<void>((done) => (release = done));
    const working = mock("busy", 1_700_000_000_000);
    backend.ask = async (question) => {
      await wait;
      return working.ask(question);
    };
    const loads = [branches.load(), branches.load()];
    release();
    await Promise.all(loads);
    expect(working.asked.flatMap((one) => ("request" in one ? [one.request.by] : []))).toEqual([["application"], ["application"], ["executable"]]);
    expect(branches.rows[1]?.node.failure).toBeUndefined();
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
    expect(identityOf("parent", { kernel: "kernel" })).not.toBe(identityOf("parent", { unattributed: "process-gone" }));
    expect(termsOfGroup("parent", { unattributed: "process-gone" })).toEqual([["owner", "process-gone"]]);
    expect(termsOfGroup("parent", {})).toEqual([["parent", null], ["owner", "program"]]);
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
    gaps: [],
    covered: { since_unix_ms: null, until_unix_ms: null, finest: "minute" },
    places: [],
    access: "all",
    ...more,
  };
}

describe("a series", () => {
  test("steps that nobody recorded are gaps, those recorded in part and silence are none", () => {
    const times = [0, 1, 2, 3, 4, 5, 6].map((minute) => minute * 60_000);
    const gaps = [{ from_unix_ms: 90_000, until_unix_ms: 240_000 }, { from_unix_ms: 300_000, until_unix_ms: 370_000 }];
    const drawn = frameOf(series(times, [["a", [60, 30, 0, 0, 0, 0, 60]]], { gaps }), [0, 420_000], 420_000, new Palette(), naming);
    expect(drawn.starts.map((start) => start / 60_000)).toEqual([0, 1, 4, 6]);
    expect(drawn.series[0]?.rx).toEqual([1, 0.5, 0, 1]);
    expect(drawn.gapBefore).toEqual([true, false, true, true]);
    expect(unknown(drawn).filter(([from, to]) => from !== to)).toEqual([[120_000, 240_000], [300_000, 360_000]]);
  });

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
    expect(drawn.series[1]).toMatchObject({ key: OTHER, slot: null, rx: [10] });
  });
});

describe("lines that a person does not tell apart", () => {
  const keysOf = (keys: Group[]) => ({ ...series([0], keys.map((_, at) => ["", [60 * (at + 1)]])), keys: columnsOf(keys) });
  const told: [Dimension, Group[]][] = [
    ["domain", [{ domain: "x.org" }, { domain: "x.org", inferred: "true" }]],
    ["registrable_domain", [{ registrable_domain: "x.org" }, { registrable_domain: "x.org", inferred: "true" }]],
    ["service", [{ service: "tls", recognised: "true" }, { service: "tls", recognised: "false" }]],
    ["parent", [{ parent: "/bin/sh", parent_sha256: "a" }, { parent: "/bin/sh", parent_sha256: "b" }]],
  ];
  test.each(told)("are one line of all their bytes: %s", (by, keys) => {
    const drawn = frameOf(keysOf(keys), [0, 60_000], 60_000, new Palette(), { identity: (line) => identityOf(by, line.keys), name: () => "", other: "" });
    expect(drawn.series.map(({ slot, rx, rxBytes }) => [slot, rx, rxBytes])).toEqual([[1, [3], 180]]);
  });

  test("by any dimension each is there once, and all add up to the total", async () => {
    const request = { query: "since:24h", top: 8, step: "hour", zone: "", token: 0 };
    for (const { word } of dimensions()) {
      const backend = mock("busy", 1_700_000_000_000);
      const found = await backend.ask({ ask: "series", request: { ...request, by: [word] } });
      const { total } = await backend.ask({ ask: "query", request: { ...request, by: [word] } });
      const drawn = frameOf(found, null, 1_700_000_000_000, new Palette(), { identity: ({ keys }) => identityOf(word, keys), name: () => "", other: "" });
      expect(new Set(drawn.series.map(({ key }) => key)).size).toBe(drawn.series.length);
      // The stand-in rounds each piece.
      expect(Math.abs(drawn.series.reduce((sum, one) => sum + one.rxBytes, 0) - total.rx_bytes)).toBeLessThan(100_000);
      expect(drawn.gapBefore.slice(1)).not.toContain(true);
    }
  });

  test("a group that is called other is not the rest", () => {
    const other = { rx_bytes: [600], tx_bytes: [0], flows: [0] };
    const drawn = frameOf(series([0], [["other", [60]]], { other }), [0, 60_000], 60_000, new Palette(), naming);
    expect(new Set(drawn.series.map(({ key }) => key)).size).toBe(2);
  });
});

test("an older question's answer is not shown", async () => {
  const backend = mock("busy", 1_700_000_000_000);
  const answers: (() => void)[] = [];
  const ask = backend.ask.bind(backend);
  backend.ask = async (question) => {
    if (question.ask === "series") await new Promise<void>((done) => answers.push(done));
    return ask(question);
  };
  const scope = new Scope();
  let by: Dimension = "application";
  const drawn = new Drawn(backend, scope, new View(), () => by, () => ({ applications: new Map(), userName: String }));
  const first = drawn.load();
  by = "country";
  const second = drawn.load();
  for (const done of answers.toReversed()) done();
  await Promise.all([first, second]);
  expect([...drawn.terms.values()].flat().map(([field]) => field)).toContain("country");
});

describe("layers", () => {
  const one = (key: string, slot: number | null, rx: number[], tx: number[]) => ({ key, name: key, slot, rx, tx, rxBytes: 0, txBytes: 0 });
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
    {
      named: answer([[{ domain: "x.org" }, 5, 0], [{ domain: "x.org", inferred: "true" }, 3, 1]], { groups: 2, rx: 40, tx: 0 }),
      nameless: answer([[{ remote: "10.0.0.1" }, 4, 0]], { groups: 1, rx: 10, tx: 0 }),
    },
    {
      countries: answer([[{ domain: "x.org", remote: "192.0.2.1", country: "DE" }, 1, 0], [{ remote: "10.0.0.1", range: "private" }, 1, 0], [{ domain: "x.org", remote: "192.0.2.2", country: "US" }, 1, 0]]),
      networks: answer([[{ remote: "192.0.2.1", asn: "64496", asn_name: "EXAMPLE" }, 5, 0]]),
    },
  );

  test("a name has all its addresses, and the rows add up", () => {
    expect(rows.map(({ name, count, rx, tx, country, asn, range, firstMs, lastMs }) => [name, count, rx + tx, country, asn, range, firstMs, lastMs])).toEqual([
      ["x.org", 2, 9, "DE", "64496", null, 10, 21],
      ["10.0.0.1", 1, 4, null, null, "private", 10, 20],
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
  expect([refreshMs({ last: "1h" }), refreshMs({ last: "24h" }), refreshMs({ last: "all" }), refreshMs({ fromMs: 0, toMs: 9 })]).toEqual([10_000, 60_000, 60_000, null]);
});
