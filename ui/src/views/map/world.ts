/** The world as Natural Earth draws it (public domain, by way of world-atlas), on an equal-area plane. */

import { geoArea, geoCentroid, geoEqualEarth, geoPath } from "d3-geo";
import type { Feature, Geometry, Polygon } from "geojson";
import isoCodes from "i18n-iso-countries/codes.json";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlas from "world-atlas/countries-110m.json";

import small from "./small.json";

/** The size of the plane; everything on it is in its units. */
export const PLANE = { width: 1000, height: 487 };

export type Point = readonly [number, number];
type Atlas = Topology<{ countries: GeometryCollection<{ name: string }> }>;
type Country = Feature<Geometry, { name: string }>;

/** What the atlas draws by itself and has no number for, under the code that addresses there have. */
const NAMED: Readonly<Record<string, string>> = { Kosovo: "XK", "N. Cyprus": "CY", Somaliland: "SO" };
const BY_NUMBER = new Map(isoCodes.map(([code, , number]) => [number ?? "", code ?? ""]));

/** All codes that are a country's. */
export const ISO = new Set(BY_NUMBER.values());

export interface World {
  /** The edge of the world, all land, the borders, and the lines of the winds: paths. */
  sphere: string;
  land: string;
  borders: string;
  winds: string;
  /** The path of each country that is large enough to be drawn. */
  shapes: ReadonlyMap<string, string>;
  /** The middle of each country's largest part, on the plane; of what is too small to be drawn, too. */
  middles: ReadonlyMap<string, Point>;
  /** The path of the shortest way between two countries; `null` where one of them is nowhere. */
  way: (from: string, to: string) => string | null;
}

/** Ocean hubs from which the winds are drawn, as on a portolan chart. */
const HUBS: readonly Point[] = [[-38, 32], [-128, -12], [76, -24]];
const WINDS = 16;
/** A little to the east, so that no country lies on both edges. */
const EAST = 11;

let drawn: World | null = null;

/** The world, drawn once. */
export function world(): World {
  return (drawn ??= draw());
}

/** The code of each country of an atlas with what belongs to it; several may have one code. */
export function countriesOf(topology: unknown): [code: string, country: Country][] {
  const all = feature(topology as Atlas, (topology as Atlas).objects.countries).features;
  return all.flatMap((country) => {
    const code = BY_NUMBER.get(String(country.id)) ?? NAMED[country.properties.name];
    return code === undefined ? [] : [[code, country] as [string, Country]];
  });
}

/** The middle of the largest part of a country, in degrees: France's is in Europe. */
export function middleOf(country: Country): Point {
  const { geometry } = country;
  const parts = geometry.type === "MultiPolygon" ? geometry.coordinates : geometry.type === "Polygon" ? [geometry.coordinates] : [];
  const polygons = parts.map((coordinates): Polygon => ({ type: "Polygon", coordinates }));
  const largest = polygons.reduce((best, one) => (geoArea(one) > geoArea(best) ? one : best), polygons[0] ?? { type: "Polygon", coordinates: [] });
  return geoCentroid(largest);
}

function draw(): World {
  const topology = atlas as unknown as Atlas;
  const projection = geoEqualEarth().rotate([-EAST, 0]).fitSize([PLANE.width, PLANE.height], { type: "Sphere" }).precision(0.05);
  const path = geoPath(projection).digits(2);
  const shapes = new Map<string, string>();
  const degrees = new Map(Object.entries<number[]>(small).map(([code, [east, north]]): [string, Point] => [code, [east ?? 0, north ?? 0]]));
  for (const [code, country] of countriesOf(topology)) {
    // The part with a number of its own says where the middle is.
    if (!shapes.has(code) || country.id !== undefined) degrees.set(code, middleOf(country));
    shapes.set(code, `${shapes.get(code) ?? ""}${path(country) ?? ""}`);
  }
  const middles = new Map([...degrees].flatMap(([code, [east, north]]): [string, Point][] => {
    const at = projection([east, north]);
    return at === null ? [] : [[code, at]];
  }));
  const { countries } = topology.objects;
  return {
    sphere: path({ type: "Sphere" }) ?? "",
    land: path(feature(topology, countries)) ?? "",
    borders: path(mesh(topology, countries, (a, b) => a !== b)) ?? "",
    winds: HUBS.flatMap((hub) => windsFrom(hub).map((line) => lineOf(line.flatMap((point) => [projection([...point])].filter((at) => at !== null))))).join(""),
    shapes,
    middles,
    way(from, to) {
      const [a, b] = [degrees.get(from), degrees.get(to)];
      if (a === undefined || b === undefined || from === to) return null;
      return path({ type: "LineString", coordinates: [[...a], [...b]] });
    },
  };
}

/** The lines of constant course from a point, in degrees, up to the edge of the map. */
function windsFrom([east, north]: Point): Point[][] {
  const turn = Math.PI / 180;
  const height = Math.log(Math.tan(Math.PI / 4 + (north * turn) / 2));
  return Array.from({ length: WINDS }, (_, wind) => {
    const course = (wind * 2 * Math.PI) / WINDS;
    const line: Point[] = [];
    // On Mercator's chart they are straight.
    for (let way = 0; ; way += 0.04) {
      const x = east + (way * Math.sin(course)) / turn;
      const y = (2 * Math.atan(Math.exp(height + way * Math.cos(course))) - Math.PI / 2) / turn;
      if (Math.abs(x - EAST) >= 179.9 || Math.abs(y) > 82) return line;
      line.push([x, y]);
    }
  });
}

function lineOf(points: readonly Point[]): string {
  return points.length < 2 ? "" : `M${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}`;
}
