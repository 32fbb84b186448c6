/** What traffic can be grouped by: how a group is called, told apart and asked for. */

import type { Application } from "../bindings/bindings";
import { m } from "../paraglide/messages.js";
import { fileName } from "../text/hostile";
import { countryName, directionName, rangeName } from "../text/place";
import { nobodyOf } from "./programs";
import type { TermOf } from "./terms";

/** The keys of a group, by the daemon's words. */
export type Keys = Readonly<Record<string, string>>;

/** What names need besides the keys. */
export interface Names {
  applications: ReadonlyMap<string, Application>;
  userName: (uid: number) => string;
}

const WORDS = {
  application: m.traffic_dim_application,
  executable: m.traffic_dim_executable,
  parent: m.traffic_dim_parent,
  registrable_domain: m.traffic_dim_registrable_domain,
  domain: m.traffic_dim_domain,
  remote: m.traffic_dim_remote,
  country: m.traffic_dim_country,
  asn: m.traffic_dim_asn,
  service: m.traffic_dim_service,
  port: m.traffic_dim_port,
  protocol: m.traffic_dim_protocol,
  direction: m.traffic_dim_direction,
  user: m.traffic_dim_user,
  unit: m.traffic_dim_unit,
  container: m.traffic_dim_container,
} satisfies Record<string, () => string>;
export type Dimension = keyof typeof WORDS;

/** The field of the language that asks for it, where it has another name. */
const FIELDS: Partial<Record<Dimension, string>> = { application: "app", executable: "exe", registrable_domain: "site" };

/** All of them, in the order of a menu. */
export function dimensions(): { word: Dimension; name: string }[] {
  return Object.entries(WORDS).map(([word, name]) => ({ word: word as Dimension, name: name() }));
}

/**
 * What tells a group from others of its dimension, as a person tells them apart; of applications the same as in the live chart.
 *
 * The daemon tells more apart: a name that was inferred, a service that was recognised, a parent's content. Whoever
 * shows one row for each identity adds them up.
 */
export function identityOf(dimension: Dimension, keys: Keys): string {
  const value = dimension === "executable" ? (executableOf(keys) ?? keys[dimension]) : keys[dimension];
  if (value !== undefined) return value;
  const range = isPlace(dimension) ? keys["range"] : undefined;
  return range === undefined ? `none:${ownerOf(keys) ?? "-"}` : `range:${range}`;
}

/** What a person calls a group. Hostile text. */
export function nameOfGroup(dimension: Dimension, keys: Keys, names: Names): string {
  const value = keys[dimension];
  const owner = ownerOf(keys);
  switch (dimension) {
    case "application":
      return value === undefined ? nobodyOf(owner ?? "-") : applicationName(value, names.applications.get(value));
    case "executable":
    case "parent": {
      const path = dimension === "parent" ? keys["parent_path"] : keys["path"];
      if (path !== undefined) return dimension === "parent" ? fileName(path) : path;
      return value ?? (owner === null ? m.not_known() : nobodyOf(owner));
    }
    case "user":
      return value === undefined ? m.not_known() : names.userName(Number(value));
    case "asn":
      if (value !== undefined) return `AS${value} ${keys["asn_name"] ?? ""}`.trim();
      break;
    case "domain":
    case "registrable_domain":
      if (value === undefined) return m.traffic_no_name();
      // As likely another name.
      return keys["inferred"] === "true" ? `~${value}` : value;
  }
  if (value !== undefined) return dimension === "direction" ? directionName(value) : dimension === "country" ? countryName(value) : value;
  return keys["range"] === undefined ? m.not_known() : rangeName(keys["range"]);
}

/** An application by its script or executable; where nothing is known of it, by the end of its key. */
export function applicationName(key: string, application: Application | undefined): string {
  if (application !== undefined) return fileName(application.script?.path ?? application.path);
  return fileName(key.slice(key.indexOf(":") + 1));
}

/** What a query requires to find just this group. */
export function termsOfGroup(dimension: Dimension, keys: Keys): TermOf[] {
  const value = keys[dimension];
  const owner = ownerOf(keys);
  const isOwned = dimension === "application" || dimension === "executable";
  if (value === undefined && owner !== null) return [["owner", owner]];
  if (isOwned && value === undefined) return [];
  const [path, hash] = [keys["path"], keys["sha256"]];
  if (dimension === "executable" && path !== undefined) {
    return hash === undefined ? [["exe", path]] : [["exe", path], ["hash", hash.slice(0, 12)]];
  }
  // What nobody owns has no parent either, and is another group.
  if (dimension === "parent") return value === undefined ? [["parent", null], ["owner", "program"]] : [["parent", value]];
  if (value === undefined && isPlace(dimension) && keys["range"] !== undefined) return [["range", keys["range"]]];
  return [[FIELDS[dimension] ?? dimension, value ?? null]];
}

/** The daemon's key of an executable; `null` when there is none. */
export function executableOf(keys: Keys): string | null {
  const [path, hash] = [keys["path"], keys["sha256"]];
  return path === undefined || hash === undefined ? null : `${hash} ${path}`;
}

function ownerOf(keys: Keys): string | null {
  return keys["kernel"] ?? keys["unattributed"] ?? null;
}

function isPlace(dimension: Dimension): boolean {
  return dimension === "country" || dimension === "asn";
}
