import { expect, test } from "vitest";

import type { Finding } from "../../bindings/bindings";
import { byDay, firstOf } from "./days";

function finding(id: number, at: Date, kind = "new-application", path = "/usr/bin/curl"): Finding {
  return { id, unix_ms: at.getTime(), kind, path } as Finding;
}

const all = [
  finding(1, new Date(2026, 9, 25, 1)),
  finding(2, new Date(2026, 9, 25, 23, 59), "changed-file", "/usr/bin/ssh"),
  finding(3, new Date(2026, 9, 26, 0, 0), "lost-events"),
];
const ids = (days: ReturnType<typeof byDay>) => days.map((day) => day.findings.map((one) => one.id));

test("findings are by day, the newest first, also on the day of 25 hours", () => expect(ids(byDay(all, "all", ""))).toEqual([[3], [2, 1]]));

test("a person keeps what they want of it", () => {
  expect(ids(byDay(all, "changes", ""))).toEqual([[2]]);
  expect(ids(byDay(all, "portolan", ""))).toEqual([[3]]);
  expect(ids(byDay(all, "all", "SSH bin"))).toEqual([[2]]);
  expect(byDay(all, "new", "ssh")).toEqual([]);
});

test("a part of it ends in the middle of a day", () => expect(ids(firstOf(byDay(all, "all", ""), 2))).toEqual([[3], [2]]));
