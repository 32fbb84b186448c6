import { expect, test } from "vitest";

import type { HistoryLevel } from "../../bindings/bindings";
import { keptWord, reachOf } from "./levels";

test.each([["7 days", "7 d"], ["12 h", "12 h"], ["15 min", "15 min"], ["1 year", "1 year"], ["2 years", "2 years"], ["100 ms", "100 ms"], ["for ever", "for ever"], ["until the moon", "until the moon"], ["", ""]])("“%s” is %s", (kept, words) =>
  expect(keptWord(kept)).toBe(words),
);

const level = (first: number | null, last: number | null) => ({ first_unix_ms: first, last_unix_ms: last }) as HistoryLevel;

test("a level has its place between the oldest and the newest", () => {
  const all = [level(50, 100), level(0, 80), level(null, null)];
  expect(all.map((one) => reachOf(one, all))).toEqual([{ from: 0.5, to: 1 }, { from: 0, to: 0.8 }, null]);
});
