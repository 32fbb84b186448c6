import { describe, expect, test } from "vitest";
import large from "world-atlas/countries-50m.json";

import type { QueryResult, SeriesResult } from "../../bindings/bindings";
import { mock } from "../../backend/mock";
import { boundsOf, classOf } from "./classes";
import { circleAt, circlesOf, destinationsOf } from "./circles";
import { countryOfZone } from "./home";
import { nameOf, placesAt, placesOf, stepFor, termsOfPlace, valueOf, type Place } from "./places";
import { WHOLE, moved, scaleOf, seenAt, towards, zoomed } from "./viewport";
import { ISO, PLANE, countriesOf, middleOf, world } from "./world";

const NOW = 1_700_000_000_000;
const SIZE = { width: 800, height: 500 };
const request = (by: string[], query = "since:24h", top = 0) => ({ query, by, top, step: "hour", zone: "", token: 0 });
const asked = (by: string[], query?: string, top?: number): Promise<QueryResult> => mock("busy", NOW).ask({ ask: "query", request: request(by, query, top) });
const sum = (places: readonly Place[]) => places.reduce((all, { rx, tx, flows }) => ({ rx: all.rx + rx, tx: all.tx + tx, flows: all.flows + flows }), { rx: 0, tx: 0, flows: 0 });

describe("places", () => {
  test.each([0, 3])("add up to the total, told one by one up to %i", async (top) => {
    const { groups, total } = await asked(["country"], undefined, top);
    const places = placesOf(groups);
    expect(sum(places)).toMatchObject({ rx: total.rx_bytes, tx: total.tx_bytes });
    expect(total.rx_bytes).toBeGreaterThan(0);
    expect(places.some((place) => place.kind === "rest")).toBe(top > 0);
    expect(new Set(places.map((place) => place.id)).size).toBe(places.length);
  });

  test("of all steps add up to the same as the whole", async () => {
    const { groups } = await asked(["country"], `since:@${NOW / 1000 - 86_400} until:@${NOW / 1000 - 3200}`);
    const series: SeriesResult = await mock("busy", NOW).ask({ ask: "series", request: request(["country"], `since:@${NOW / 1000 - 86_400} until:@${NOW / 1000 - 3200}`, 2) });
    const steps = series.times_unix_ms.flatMap((_, at) => placesAt(series, at));
    const [all, whole] = [sum(steps), sum(placesOf(groups))];
    // The stand-in rounds each piece.
    expect(Math.abs(all.rx - whole.rx)).toBeLessThan(2000);
    expect(steps.some((place) => place.kind === "rest")).toBe(true);
  });

  test("are a country, a code that is none, a range, unknown, or without an address", () => {
    const told = (texts: string[][]) => placesOf({
      keys: [{ key: "country", texts: texts.map(([country]) => country ?? ""), at: texts.map(([country], at) => (country === "" ? 0 : at + 1)) },
             { key: "range", texts: texts.map(([, range]) => range ?? ""), at: texts.map(([, range], at) => (range === "" ? 0 : at + 1)) }],
      tx_bytes: texts.map(() => 1), rx_bytes: texts.map((_, at) => 10 - at), flows: texts.map(() => 1),
      first_unix_ms: texts.map(() => 5), last_unix_ms: texts.map(() => 9), other: null,
    });
    const places = told([["DE", ""], ["EU", ""], ["A1", ""], ["", "private"], ["", "public"], ["", ""], ["", "private"], ["\u202e<b>", ""]]);
    expect(places.map((place) => [place.id, termsOfPlace(place)])).toEqual([
      ["range:private", "range:private"],
      ["DE", "country:DE"],
      ["EU", "country:EU"],
      ["A1", "country:A1"],
      ["unknown", "country:- range:public"],
      ["none", "country:- range:-"],
      ["\u202e<b>", null],
    ]);
    expect(places.map(nameOf)).toEqual(["Local network", "Germany", "Somewhere in Europe", "Anonymous proxy", "Unknown place", "No address known", "\\u{202e}<b>"]);
    expect(places[0]).toMatchObject({ rx: 11, tx: 2, flows: 2 });
  });

  test("their words find what they sum up", async () => {
    for (const place of placesOf((await asked(["country"])).groups)) {
      const { total } = await asked([], `since:24h ${termsOfPlace(place)}`);
      expect([place.id, total.rx_bytes, total.tx_bytes]).toEqual([place.id, place.rx, place.tx]);
    }
  });
});

describe("the world", () => {
  test("small countries have a place: where the larger atlas has them", async () => {
    const drawn = new Set(world().shapes.keys());
    const small = countriesOf(large).filter(([code]) => !drawn.has(code));
    const degrees = Object.fromEntries(small.map(([code, country]) => [code, middleOf(country).map((one) => Math.round(one * 100) / 100)]).sort());
    await expect(`${JSON.stringify(degrees).replaceAll("],", "],\n")}\n`).toMatchFileSnapshot("small.json");
  });

  test("every shape has a code, and a country that has none is not on the map", () => {
    const { shapes, middles } = world();
    expect(shapes.size).toBe(175);
    expect([...middles.keys()].every((code) => ISO.has(code))).toBe(true);
    expect([...ISO].filter((code) => !middles.has(code)).sort()).toEqual(["BQ", "BV", "CC", "CX", "GF", "GI", "GP", "MQ", "RE", "SJ", "TK", "TV", "UM", "YT"]);
    expect([...shapes.values()].every((path) => path.startsWith("M"))).toBe(true);
  });

  test("the middle of France is in Europe, and that of Singapore is known", () => {
    const { middles } = world();
    const [france, spain, singapore] = ["FR", "ES", "SG"].map((code) => middles.get(code) ?? [0, 0]);
    expect(Math.hypot(france![0]! - spain![0]!, france![1]! - spain![1]!)).toBeLessThan(30);
    expect(singapore![0]).toBeGreaterThan(PLANE.width / 2);
  });

  test("a way needs both ends", () => {
    expect(world().way("DE", "JP")).toMatch(/^M/u);
    expect(world().way("DE", "GI")).toBeNull();
    expect(world().way("DE", "DE")).toBeNull();
  });
});

describe("shades", () => {
  const ROUND = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

  test("each is so many times more than the one before, and the most has the fifth", () => {
    const bounds = boundsOf([10, 5e3, 1e6], ROUND);
    expect(bounds).toEqual([100, 1e3, 1e4, 1e5]);
    expect([0, 10, 100, 5e3, 1e4, 1e6].map((value) => classOf(value, bounds))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("one amount, equal ones and none need no bounds", () => {
    expect(boundsOf([7, 7], ROUND)).toEqual([]);
    expect(boundsOf([], ROUND)).toEqual([]);
    expect(classOf(7, [])).toBe(5);
    expect(boundsOf([900, 1100], ROUND)).toEqual([1000]);
  });
});

describe("the part that is seen", () => {
  test("what the pointer is on stays there", () => {
    const before = seenAt([620, 200], WHOLE, SIZE);
    const after = seenAt([620, 200], zoomed(WHOLE, SIZE, 5, before), SIZE);
    expect(Math.hypot(before[0] - after[0], before[1] - after[1])).toBeLessThan(0.001);
  });

  test("never leaves the world", () => {
    expect(zoomed(WHOLE, SIZE, 0.1, [0, 0])).toEqual(WHOLE);
    const far = moved(zoomed(WHOLE, SIZE, 4, [400, 250]), SIZE, -1e6, 1e6);
    expect(seenAt([0, PLANE.height], far, SIZE)).toEqual([0, 500].map((one) => expect.closeTo(one, 3)));
  });

  test("comes to what is focused", () => {
    const near = zoomed(WHOLE, SIZE, 8, [400, 250]);
    const [x, y] = seenAt([800, 300], towards(near, SIZE, [800, 300]), SIZE);
    expect([x, y]).toEqual([400, 250].map((one) => expect.closeTo(one, 3)));
    expect(scaleOf(near, SIZE)).toBeCloseTo(0.8 * 8);
  });
});

describe("circles", () => {
  test("have the area of what moved, and split into destinations of the same area", async () => {
    const places = placesOf((await asked(["country"])).groups);
    const destinations = destinationsOf([(await asked(["country", "domain"], "since:24h !domain:-")).groups, (await asked(["country", "remote"], "since:24h domain:-")).groups]);
    const countries = places.filter((place) => place.kind === "country");
    const most = Math.max(...countries.map((place) => valueOf(place, "total")));
    const what = { places, middles: world().middles, destinations, measure: "total" as const, most };
    const [whole, split] = [circlesOf(what, WHOLE, SIZE), circlesOf(what, zoomed(WHOLE, SIZE, 4, [400, 250]), SIZE)];
    expect(whole).toHaveLength(countries.filter((place) => place.id !== "GI").length);
    expect(whole.every((circle) => circle.destination === null)).toBe(true);
    const us = split.filter((circle) => circle.code === "US");
    expect(us.map((circle) => circle.destination?.name).sort()).toEqual(["deb.debian.org", "github.com"]);
    const area = (circles: typeof us) => circles.reduce((all, { r }) => all + r * r, 0);
    const large = circlesOf({ ...what, destinations: new Map() }, zoomed(WHOLE, SIZE, 4, [400, 250]), SIZE);
    expect(area(us)).toBeCloseTo(area(large.filter((circle) => circle.code === "US")), 6);
    const [largest] = whole;
    expect(circleAt(whole, [largest!.x, largest!.y])?.code).toBeDefined();
    expect(circleAt(whole, [-100, -100])).toBeNull();
  });
});

test("a time zone tells its country, or nothing", () => {
  expect(countryOfZone("Europe/Madrid")).toBe("ES");
  expect(countryOfZone("Asia/Calcutta")).toBe("IN");
  expect(countryOfZone("UTC")).toBeNull();
});

test("a step suits the time that is played", () => {
  expect([300_000, 3_600_000, 86_400_000, 7 * 86_400_000, 30 * 86_400_000, null].map(stepFor)).toEqual(["bucket", "minute", "hour", "hour", "day", "day"]);
});
