/** The table of destinations, as values. */

import type { Other, QueryResult } from "../../bindings/bindings";
import { otherOf, rowsOf } from "../../model/groups";
import type { TermOf } from "../../model/terms";

/** Where the other side is: its country and its network, each `null` where it is not known, and then what the address is for. */
export interface Place {
  country: string | null;
  asn: string | null;
  asnName: string;
  range: string | null;
}

/** A name with all its addresses, or an address without a name. */
export interface Destination extends Place {
  id: string;
  /** `null` in the row of all that has none of its own. */
  field: "domain" | "remote" | null;
  name: string;
  /** Whether it may as well be another name. */
  isInferred: boolean;
  /** How many addresses of it were told; of the last row how many groups it stands for. */
  count: number;
  rx: number;
  tx: number;
  firstMs: number;
  lastMs: number;
}

/** What can be sorted by. */
export type SortBy = "name" | "country" | "asn" | "rx" | "tx" | "bytes" | "firstMs" | "lastMs";

/** The sums: of what has a name by its name, of what has none by address. */
export interface Sums {
  named: QueryResult;
  nameless: QueryResult;
}

/** What is told besides, of as many addresses as fit into an answer; no sum comes from here. */
export interface Places {
  countries: QueryResult | null;
  networks: QueryResult | null;
}

/** What each question groups by, and what it requires besides. */
export const QUESTIONS: Record<keyof Sums | keyof Places, { by: readonly string[]; terms: readonly TermOf[] }> = {
  named: { by: ["domain"], terms: [["!domain", null]] },
  nameless: { by: ["remote"], terms: [["domain", null]] },
  countries: { by: ["domain", "remote", "country"], terms: [] },
  networks: { by: ["remote", "asn"], terms: [] },
};

/** The rows, the largest first, and last what has no row: they add up to the total of both answers. */
export function destinationsOf({ named, nameless }: Sums, places: Places): Destination[] {
  const placed = placesOf(places);
  const found = new Map<string, Destination>();
  for (const [field, answer] of [["domain", named], ["remote", nameless]] as const) {
    for (const { keys, rx, tx, firstMs, lastMs } of rowsOf(answer.groups)) {
      const name = keys[field] ?? "";
      const id = `${field}=${name}`;
      const before = found.get(id);
      if (before) {
        before.isInferred ||= keys["inferred"] === "true";
        before.rx += rx;
        before.tx += tx;
        before.firstMs = Math.min(before.firstMs, firstMs);
        before.lastMs = Math.max(before.lastMs, lastMs);
        continue;
      }
      const { addresses, ...place } = placed.get(id) ?? { ...NOWHERE, addresses: new Set() };
      const count = Math.max(1, addresses.size);
      found.set(id, { id, field, name, isInferred: keys["inferred"] === "true", count, rx, tx, firstMs, lastMs, ...place });
    }
  }
  const rows = sorted([...found.values()], "bytes", false);
  const others = [named, nameless].flatMap(({ groups: { other } }) => (other === null ? [] : [{ ...NOWHERE, ...restOf(other) }]));
  const [one, two] = others;
  if (one === undefined) return rows;
  return [...rows, two === undefined ? one : { ...one, count: one.count + two.count, rx: one.rx + two.rx, tx: one.tx + two.tx, firstMs: Math.min(one.firstMs, two.firstMs), lastMs: Math.max(one.lastMs, two.lastMs) }];
}

const NOWHERE: Place = { country: null, asn: null, asnName: "", range: null };

function restOf(other: Other): Omit<Destination, keyof Place> {
  const { rx, tx, firstMs, lastMs } = otherOf(other) ?? { rx: 0, tx: 0, firstMs: 0, lastMs: 0 };
  return { id: "other", field: null, name: "", isInferred: false, count: other.groups, rx, tx, firstMs, lastMs };
}

/** Where each row's largest address is, and all its addresses. */
function placesOf({ countries, networks }: Places): Map<string, Place & { addresses: Set<string> }> {
  const networkOf = new Map(networks === null ? [] : rowsOf(networks.groups).map(({ keys }) => [keys["remote"] ?? "", keys]));
  const found = new Map<string, Place & { addresses: Set<string> }>();
  for (const { keys } of countries === null ? [] : rowsOf(countries.groups)) {
    const remote = keys["remote"] ?? "";
    const id = keys["domain"] === undefined ? `remote=${remote}` : `domain=${keys["domain"]}`;
    const network = networkOf.get(remote);
    const place = { country: keys["country"] ?? null, asn: network?.["asn"] ?? null, asnName: network?.["asn_name"] ?? "", range: keys["range"] ?? null };
    const before = found.get(id);
    if (before) before.addresses.add(remote);
    else found.set(id, { ...place, addresses: new Set([remote]) });
  }
  return found;
}

/** The rows in another order; what is not known, and what has no row of its own, stays at the end. */
export function sorted(rows: readonly Destination[], by: SortBy, isUp: boolean): Destination[] {
  const direction = isUp ? 1 : -1;
  return [...rows].sort((a, b) => {
    if ((a.field === null) !== (b.field === null)) return a.field === null ? 1 : -1;
    const [one, two] = [valueOf(a, by), valueOf(b, by)];
    if (one === null || two === null) return one === two ? 0 : one === null ? 1 : -1;
    const order = typeof one === "string" ? one.localeCompare(String(two), "en", { numeric: true }) : one - Number(two);
    return order * direction || (a.id < b.id ? -1 : 1);
  });
}

function valueOf(row: Destination, by: SortBy): string | number | null {
  return by === "bytes" ? row.rx + row.tx : row[by];
}
