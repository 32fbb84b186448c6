/** The table of destinations, as values. */

import type { QueryResult } from "../../bindings/bindings";
import { otherOf, rowsOf } from "../../model/groups";

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
  /** How many addresses it has; of the last row how many groups it stands for. */
  count: number;
  rx: number;
  tx: number;
  firstMs: number;
  lastMs: number;
}

/** What can be sorted by. */
export type SortBy = "name" | "country" | "asn" | "rx" | "tx" | "bytes" | "firstMs" | "lastMs";

/** What the table is grouped by, and what tells the networks. */
export const BY = { destinations: ["domain", "remote", "country"], networks: ["remote", "asn"] } as const;

/** The rows, the largest first, and last what has no row: they add up to the answer's total. */
export function destinationsOf(answer: QueryResult, networks: QueryResult | null): Destination[] {
  const networkOf = new Map(networks === null ? [] : rowsOf(networks.groups).map(({ keys }) => [keys["remote"] ?? "", keys]));
  const found = new Map<string, Destination>();
  for (const { keys, rx, tx, firstMs, lastMs } of rowsOf(answer.groups)) {
    const field = keys["domain"] === undefined ? "remote" : "domain";
    const name = keys[field] ?? "";
    const id = `${field}=${name}`;
    const before = found.get(id);
    if (before) {
      // The largest comes first: its place is the one that is shown.
      before.count += 1;
      before.isInferred ||= keys["inferred"] === "true";
      before.rx += rx;
      before.tx += tx;
      before.firstMs = Math.min(before.firstMs, firstMs);
      before.lastMs = Math.max(before.lastMs, lastMs);
      continue;
    }
    const network = networkOf.get(keys["remote"] ?? "");
    const place = { country: keys["country"] ?? null, asn: network?.["asn"] ?? null, asnName: network?.["asn_name"] ?? "", range: keys["range"] ?? null };
    found.set(id, { id, field, name, isInferred: keys["inferred"] === "true", count: 1, rx, tx, firstMs, lastMs, ...place });
  }
  const rows = sorted([...found.values()], "bytes", false);
  const other = otherOf(answer.groups.other);
  if (other === null) return rows;
  const nowhere = { country: null, asn: null, asnName: "", range: null };
  return [...rows, { ...other, ...nowhere, id: "other", field: null, name: "", isInferred: false, count: answer.groups.other?.groups ?? 0 }];
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
