/** Circles whose area is what moved: one a country, or one a destination where the map is large enough. */

import { packSiblings } from "d3-hierarchy";

import type { Groups } from "../../bindings/bindings";
import { rowsOf } from "../../model/groups";
import type { TermOf } from "../../model/terms";
import { valueOf, type Measure, type Place } from "./places";
import { seenAt, type Size, type Viewport } from "./viewport";
import type { Point } from "./world";

/** One of the destinations of a country; its name is hostile. */
export interface Destination {
  name: string;
  /** Whether it is a domain; otherwise an address. */
  isDomain: boolean;
  tx: number;
  rx: number;
}

export interface Circle {
  code: string;
  /** `null` for the whole country, or for those of it that are not told one by one. */
  destination: Destination | null;
  x: number;
  y: number;
  r: number;
}

/** From so many times the whole world on, a country's circle is its destinations'. */
export const SPLIT_ZOOM = 3.5;
const RADIUS = 24;
const RADIUS_LEAST = 2.5;
const DESTINATIONS_MAX = 24;

/** What destinations are asked by, and what is required besides: names where there are names, else addresses. Each sum is whole. */
export const QUESTIONS: Record<"named" | "nameless", { by: readonly string[]; terms: readonly TermOf[] }> = {
  named: { by: ["country", "domain"], terms: [["!domain", null]] },
  nameless: { by: ["country", "remote"], terms: [["domain", null]] },
};

/** The destinations of each country, the largest first; one a name. Those that were not told are in no row. */
export function destinationsOf(answers: readonly Groups[]): Map<string, Destination[]> {
  const countries = new Map<string, Map<string, Destination>>();
  for (const { keys, tx, rx } of answers.flatMap(rowsOf)) {
    const name = keys["domain"] ?? keys["remote"];
    if (keys["country"] === undefined || name === undefined) continue;
    const names = countries.get(keys["country"]) ?? new Map<string, Destination>();
    const before = names.get(name) ?? { tx: 0, rx: 0 };
    names.set(name, { name, isDomain: keys["domain"] !== undefined, tx: before.tx + tx, rx: before.rx + rx });
    countries.set(keys["country"], names);
  }
  return new Map([...countries].map(([code, names]) => [code, [...names.values()].sort((a, b) => b.tx + b.rx - a.tx - a.rx)]));
}

export interface Drawn {
  places: readonly Place[];
  middles: ReadonlyMap<string, Point>;
  /** None while single steps are shown, for which nobody asked them. */
  destinations: ReadonlyMap<string, Destination[]>;
  measure: Measure;
  /** What the largest circle stands for. */
  most: number;
}

/** The radius of the largest circle, in pixels. */
function largestRadius(view: Viewport, size: Size): number {
  return RADIUS * Math.min(2.4, view.zoom ** 0.35) * Math.min(2, Math.max(0.7, size.width / 1000));
}

/** The circles in pixels, the largest first, so that the small ones lie above. */
export function circlesOf(what: Drawn, view: Viewport, size: Size): Circle[] {
  const largest = largestRadius(view, size);
  const radius = (value: number) => Math.max(RADIUS_LEAST, Math.sqrt(value / what.most) * largest);
  return what.places.flatMap((place): Circle[] => {
    const [middle, value] = [what.middles.get(place.id), valueOf(place, what.measure)];
    if (place.kind !== "country" || middle === undefined || value <= 0) return [];
    const [x, y] = seenAt(middle, view, size);
    const names = what.destinations.get(place.id) ?? [];
    if (view.zoom < SPLIT_ZOOM || names.length === 0) return [{ code: place.id, destination: null, x, y, r: radius(value) }];
    const told = names.slice(0, DESTINATIONS_MAX).filter((one) => valueOf(one, what.measure) > 0);
    const left = value - told.reduce((sum, one) => sum + valueOf(one, what.measure), 0);
    const parts: { destination: Destination | null; r: number }[] = told.map((destination) => ({ destination, r: radius(valueOf(destination, what.measure)) + 1 }));
    if (left > 0) parts.push({ destination: null, r: radius(left) + 1 });
    return packSiblings(parts).map((part) => ({ code: place.id, destination: part.destination, x: x + part.x, y: y + part.y, r: part.r - 1 }));
  });
}

/** The topmost circle at a point. */
export function circleAt(circles: readonly Circle[], [x, y]: Point): Circle | null {
  return circles.findLast((circle) => Math.hypot(circle.x - x, circle.y - y) <= circle.r) ?? null;
}
