/** The places of an answer: every byte is in one of them, whether it is on the map or not. */

import type { Groups, SeriesResult } from "../../bindings/bindings";
import { linesOf, otherOf, rowsOf, type Group } from "../../model/groups";
import { m } from "../../paraglide/messages.js";
import { shown } from "../../text/hostile";
import { countryName, rangeName } from "../../text/place";
import { ISO } from "./world";

/** A country, a code that is none (“EU”), a special range, an address whose place is unknown, no address, or all the rest. */
export type Kind = "country" | "region" | "range" | "unknown" | "none" | "rest";

/** What moved with one place. */
export interface Place {
  /** The country's code, or the kind with the range. */
  id: string;
  kind: Kind;
  /** The code or the range. */
  word: string;
  tx: number;
  rx: number;
  flows: number;
  firstMs: number;
  lastMs: number;
}

/** Which bytes are looked at. */
export type Measure = "total" | "received" | "sent";

export function valueOf(place: { tx: number; rx: number }, measure: Measure): number {
  return measure === "received" ? place.rx : measure === "sent" ? place.tx : place.rx + place.tx;
}

/** All places of sums by country, the largest first. */
export function placesOf(groups: Groups): Place[] {
  const rest = otherOf(groups.other);
  const places = rowsOf(groups).map((group) => ({ ...identity(group.keys), ...sums(group) }));
  return merged(rest === null ? places : [...places, { id: "rest", kind: "rest", word: "", ...sums(rest) }]);
}

/** The places of one step of a series by country. */
export function placesAt(series: SeriesResult, step: number): Place[] {
  const firstMs = series.times_unix_ms[step] ?? 0;
  const time = { firstMs, lastMs: firstMs + series.step_ms };
  const places = linesOf(series).map((line, at): Place => ({
    ...identity(line.keys),
    ...{ tx: line.tx[step] ?? 0, rx: line.rx[step] ?? 0, flows: series.lines[at]?.flows[step] ?? 0 },
    ...time,
  }));
  const { other } = series;
  if (other !== null) {
    const rest = { tx: other.tx_bytes[step] ?? 0, rx: other.rx_bytes[step] ?? 0, flows: other.flows[step] ?? 0 };
    places.push({ id: "rest", kind: "rest", word: "", ...rest, ...time });
  }
  return merged(places).filter((place) => place.tx + place.rx + place.flows > 0);
}

/** What to filter by, to see only this place; `null` where there are no words for it. */
export function termsOfPlace(place: Place): string | null {
  switch (place.kind) {
    case "country":
    case "region":
      return /^\w+$/u.test(place.word) ? `country:${place.word}` : null;
    case "range":
      return `range:${place.word}`;
    case "unknown":
      return "country:- range:public";
    case "none":
      return "country:- range:-";
    case "rest":
      return null;
  }
}

/** What a person calls it. */
export function nameOf(place: Pick<Place, "kind" | "word">): string {
  switch (place.kind) {
    case "country":
    case "region":
      return shown(countryName(place.word));
    case "range":
      return shown(rangeName(place.word));
    case "unknown":
      return rangeName("public");
    case "none":
      return m.map_no_address();
    case "rest":
      return m.map_rest();
  }
}

function identity(keys: Readonly<Record<string, string>>): Pick<Place, "id" | "kind" | "word"> {
  const { country, range } = keys;
  if (country !== undefined) return { id: country, kind: ISO.has(country) ? "country" : "region", word: country };
  if (range === undefined) return { id: "none", kind: "none", word: "" };
  if (range === "public") return { id: "unknown", kind: "unknown", word: "" };
  return { id: `range:${range}`, kind: "range", word: range };
}

function sums({ tx, rx, flows, firstMs, lastMs }: Group) {
  return { tx, rx, flows, firstMs, lastMs };
}

/** One of each, the largest first. */
function merged(places: Place[]): Place[] {
  const byId = new Map<string, Place>();
  for (const place of places) {
    const other = byId.get(place.id);
    byId.set(place.id, other === undefined ? place : added(other, place));
  }
  return [...byId.values()].sort((a, b) => b.tx + b.rx - a.tx - a.rx);
}

function added(a: Place, b: Place): Place {
  return {
    ...a,
    tx: a.tx + b.tx,
    rx: a.rx + b.rx,
    flows: a.flows + b.flows,
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
  };
}

/** Steps for playing back a time of a length: some dozens to some hundreds. */
export function stepFor(lengthMs: number | null): "bucket" | "minute" | "hour" | "day" {
  const hour = 3_600_000;
  if (lengthMs === null) return "day";
  return lengthMs <= hour / 3 ? "bucket" : lengthMs <= 6 * hour ? "minute" : lengthMs <= 8 * 24 * hour ? "hour" : "day";
}
