import { expect, test } from "vitest";

import type { Finding } from "../bindings/bindings";
import { currentOf, inOrder, untilOf } from "./inbox";

const finding = (id: number, severity: Finding["severity"], unix_ms: number) => ({ id, severity, unix_ms }) as Finding;

test("loud ones are first, then the newest", () => {
  const all = [finding(1, "quiet", 9), finding(2, "normal", 1), finding(3, "loud", 1), finding(4, "normal", 5), finding(5, "loud", 2)];
  expect(inOrder(all).map((one) => one.id)).toEqual([5, 3, 4, 2, 1]);
});

test("what comes next takes the place of what left", () => {
  const all = [finding(1, "loud", 1), finding(2, "loud", 1)];
  expect(currentOf(all, 2, 0)?.id).toBe(2);
  expect(currentOf(all, 7, 0)?.id).toBe(1);
  expect(currentOf(all, 7, 5)?.id).toBe(2);
  expect(currentOf([], 7, 5)).toBeNull();
});

test.each([
  ["15m", new Date(2026, 0, 1, 9, 0), new Date(2026, 0, 1, 9, 15)],
  ["1h", new Date(2026, 0, 1, 23, 30), new Date(2026, 0, 2, 0, 30)],
  ["tomorrow", new Date(2026, 0, 1, 9, 0), new Date(2026, 0, 2, 8, 0)],
  ["tomorrow", new Date(2026, 0, 1, 8, 0), new Date(2026, 0, 2, 8, 0)],
  ["tomorrow", new Date(2026, 0, 2, 1, 0), new Date(2026, 0, 3, 8, 0)],
] as const)("%s from %s is %s", (how, now, until) => expect(untilOf(how, now.getTime())).toBe(until.getTime()));
