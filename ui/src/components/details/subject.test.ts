import { expect, test } from "vitest";

import type { Gap } from "../../bindings/bindings";
import { shape } from "./spark";
import { executableOf, queryOf } from "./subject";

const HASH = "ab".repeat(32);

test.each([
  [{ kind: "application", key: "path:/usr/bin/curl" }, 'app:"path:/usr/bin/curl"'],
  [{ kind: "application", key: 'path:/tmp/"*' }, 'app:"path:/tmp/\\"*"'],
  [{ kind: "executable", key: `${HASH} /opt/My App/x` }, `sha256:${HASH} exe:"/opt/My App/x"`],
  [{ kind: "flow", key: "domain:example.org" }, "domain:example.org"],
] as const)("the query of %j", (subject, query) => expect(queryOf(subject)).toBe(query));

test("the key of an executable is a hash and whatever path", () => {
  expect(executableOf(`${HASH} /tmp/a b\nc`)).toEqual([HASH, "/tmp/a b\nc"]);
  expect(executableOf("/no/hash")).toEqual(["", "/no/hash"]);
});

const series = (times: number[], rx: number[]) => ({ step_ms: 10, gaps: [] as Gap[], times_unix_ms: times, lines: [{ rx_bytes: rx, tx_bytes: rx.map(() => 1), flows: rx }] });

test("a sparkline has steps of whole steps, and nothing where nothing is known", () => {
  const drawn = shape(series([0, 10, 40], [1, 3, 2]), 100, 20);
  expect(drawn?.stepMs).toBe(10);
  expect(drawn?.most).toBe(3);
  // Three columns are known of five: two side by side, a gap of two, one.
  expect(drawn?.received.match(/M/gu)).toHaveLength(2);
  expect(drawn?.received.startsWith("M0 20")).toBe(true);
});

test("in a sparkline, what nobody recorded is a hole and what did not move is none", () => {
  const gaps = [{ from_unix_ms: 15, until_unix_ms: 40 }];
  const drawn = shape({ ...series([0, 10, 20, 30, 40], [1, 0, 0, 0, 2]), gaps }, 100, 20);
  expect(drawn?.gaps).toEqual([{ x: 40, width: 40, fromMs: 20, toMs: 40 }]);
  expect(drawn?.received.match(/M/gu)).toHaveLength(2);
});

test("a long history is drawn with at most one column a place, and loses no byte", () => {
  const times = Array.from({ length: 1000 }, (_, at) => at * 10);
  const drawn = shape(series(times, times.map(() => 1)), 100, 20);
  expect(drawn?.stepMs).toBe(100);
  expect(drawn?.most).toBe(10);
});

test("nothing makes no sparkline", () => expect(shape({ step_ms: 10, gaps: [], times_unix_ms: [], lines: [] }, 100, 20)).toBeNull());
