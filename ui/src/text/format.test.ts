import { afterEach, describe, expect, test } from "vitest";

import { preferences } from "../model/preferences.svelte";
import { overwriteGetLocale } from "../paraglide/runtime.js";
import { ago, axisRate, bytes, clock, duration, fileSize, number, percent, rate, shortHash } from "./format";
import { shown, splitPath } from "./hostile";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.00 kB"],
  [999_499, "999 kB"],
  [999_500, "1.00 MB"],
  [1_234_567, "1.23 MB"],
  [12_345_678, "12.3 MB"],
  [9_996_000, "10.0 MB"],
  [2 ** 53, "9.01 PB"],
])("%d bytes are %s", (count, text) => expect(bytes(count)).toBe(text));

test("a rate has its unit", () => expect(rate(1500)).toBe("1.50 kB/s"));

test.each([
  [0, "0 B/s"],
  [2_000_000, "2 MB/s"],
  [-2_500_000, "2.5 MB/s"],
  [100, "100 B/s"],
])("%d on an axis is %s", (value, text) => expect(axisRate(value)).toBe(text));

describe("a share", () => {
  test("is rounded down, so that 100 % means all", () => expect(percent(999_999, 1_000_000)).toBe("99.99 %"));
  test("of everything is 100 %", () => expect(percent(5, 5)).toBe("100.00 %"));
  test("of nothing is not a number", () => expect(percent(0, 0)).toBe("—"));
});

test("a hash is cut, and missing when it is not known", () => {
  expect(shortHash("0123456789abcdef")).toBe("0123456789ab");
  expect(shortHash(null)).toBe("—");
});

test.each([
  [0, "now"],
  [42_000, "42 s ago"],
  [3_599_000, "59 min ago"],
  [7_200_000, "2 h ago"],
  [200_000_000, "2 d ago"],
  [-5_000, "now"],
])("%d ms back is %s", (back, text) => expect(ago(1e12 - back, 1e12)).toBe(text));

test("the time of day has two digits each", () => expect(clock(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe("03:04:05"));

describe("as a person wants it", () => {
  afterEach(() => {
    Object.assign(preferences, { measure: "bytes", base: "decimal" });
    overwriteGetLocale(() => "en");
  });

  test("in binary units", () => {
    preferences.base = "binary";
    expect([bytes(1024), bytes(1_048_576), bytes(1023)]).toEqual(["1.00 KiB", "1.00 MiB", "1023 B"].map((text) => text.replace("1023", "1,023")));
  });

  test("in bits", () => {
    preferences.measure = "bits";
    expect(rate(1_250_000)).toBe("10.0 Mbit/s");
    expect(fileSize(1_250_000)).toBe("1.25 MB");
  });

  test("in Spanish", () => {
    overwriteGetLocale(() => "es");
    expect([bytes(1_234_567), percent(1, 3), number(1234), ago(0, 7_200_000)]).toEqual(["1,23 MB", "33,33 %", "1.234", "hace 2 h"]);
  });
});

test.each([[1500, "1.5 s"], [42_000, "42 s"], [59 * 60_000, "59 min"], [3 * 86_400_000, "3 d"]])("%d ms are %s", (ms, text) =>
  expect(duration(ms)).toBe(text),
);

test("foreign text cannot move, hide or reverse", () => {
  expect(shown("a\u202eb\nc\u0007\u200b\u{e0041}")).toBe("a\\u{202e}b\\u{a}c\\u{7}\\u{200b}\\u{e0041}");
  expect(shown("<b>ä 漢</b>")).toBe("<b>ä 漢</b>");
});

test("a path is cut at its last slash", () => {
  expect(splitPath("/usr/bin/curl")).toEqual(["/usr/bin/", "curl"]);
  expect(splitPath("curl")).toEqual(["", "curl"]);
});
