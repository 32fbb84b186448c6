import { expect, test } from "vitest";

import { statusOf } from "../backend/mock/status";
import { amountOf, amountText } from "./amount";
import { Load } from "./load";
import { entriesOf, entryOf, listOf, quoted, textOf } from "./toml";

test.each([
  ['"10 s"', "10 s"],
  ["'C:\\x'", "C:\\x"],
  ['"a\\"b\\\\c\\u00e9\\t\\U0001F600"', 'a"b\\cé\t😀'],
  ['"\\UFFFFFFFF"', "\ufffd"],
  ["true", "true"],
  ["[1]", "[1]"],
  ['"a" "b"', '"a" "b"'],
])("%s is the text %s", (value, text) => expect(textOf(value)).toBe(text));

test("a text is read back as it was written", () => {
  for (const text of ["", "a, b", 'say "no"', "back\\slash", "del\u007f", "line\nline", "\u202eevil", "[x]", "{}"]) {
    expect(textOf(quoted(text))).toBe(text);
    expect(entriesOf(listOf([quoted(text), "53"]))).toEqual([quoted(text), "53"]);
  }
});

test("a list keeps its entries as they are written", () => {
  expect(entriesOf("[]")).toEqual([]);
  expect(entriesOf('[53, "6881-6889", { network = "fd00::/8", side = "either" }]')).toEqual([
    "53",
    '"6881-6889"',
    '{ network = "fd00::/8", side = "either" }',
  ]);
  expect(entriesOf('[\n  "a]b",\n  \'c,d\',\n]')).toEqual(['"a]b"', "'c,d'"]);
});

test.each([
  [" 53 ", "53"],
  ["6881-6889", '"6881-6889"'],
  ["*.example.org", '"*.example.org"'],
  ['"quoted"', '"quoted"'],
  ['{ network = "fd00::/8", side = "either" }', '{ network = "fd00::/8", side = "either" }'],
])("%s is typed for %s", (typed, entry) => expect(entryOf(typed)).toBe(entry));

test.each([
  ["10 s", "10 s"],
  ["1 day", "1 days"],
  ["for ever", "for ever"],
  ["64 MiB", "64 MiB"],
])("the amount %s is asked for as %s", (text, asked) => {
  const amount = amountOf(text);
  expect(amount === null ? null : amountText(amount)).toBe(asked);
});

test("what is no amount is none", () => expect([amountOf("soon"), amountOf("1.5 h"), amountOf("3 parsecs")]).toEqual([null, null, null]));

test("the daemon's load is of the time between two statuses, and begins anew with the daemon", () => {
  const load = new Load();
  const status = (cpu_ms: number, started_unix_ms: number) => {
    const base = statusOf("busy", 0);
    return { ...base, started_unix_ms, resources: { ...base.resources, cpu_ms } };
  };
  expect(load.of(status(100, 0), 10_000)).toBeCloseTo(0.01);
  expect(load.of(status(600, 0), 11_000)).toBeCloseTo(0.5);
  expect(load.of(status(10, 12_000), 13_000)).toBeCloseTo(0.01);
});
