import { expect, test } from "vitest";

import { monthsOf, within } from "./months";

test("each month of the history is offered, the newest first", () => {
  const at = (year: number, month: number, day: number) => new Date(year, month - 1, day).getTime();
  expect(monthsOf(at(2025, 11, 30), at(2026, 2, 1))).toEqual(["2026-02", "2026-01", "2025-12", "2025-11"]);
  expect(monthsOf(at(2026, 5, 31), at(2026, 5, 31))).toEqual(["2026-05"]);
  expect(monthsOf(0, at(2026, 5, 31))).toHaveLength(24);
  // A clock that was set back is no reason for none.
  expect(monthsOf(at(2027, 1, 1), at(2026, 5, 31))).toEqual(["2026-05"]);
  expect(within("2026-02").getMonth()).toBe(1);
});
