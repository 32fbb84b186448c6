/** A history that is made up: who talked with whom in each hour of the last 400 days, and sums of it by anything. */

import type { Column, Gap, Groups, PlaceData, QueryRequest, QueryResult, SeriesResult, Sum } from "../../bindings/bindings";
import type { Failure } from "../../bindings/desktop";
import { termsIn } from "../../model/terms";
import type { World } from "./answers";
import { HOSTILE, actorsOf, hash, isHostile } from "./live";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SINCE_MS = 400 * DAY;

/** Name, address, country, number and name of the network. */
const PEERS = [
  ["github.com", "140.82.121.4", "US", "36459", "GITHUB"],
  ["deb.debian.org", "151.101.2.132", "US", "54113", "FASTLY"],
  ["www.wikipedia.org", "185.15.58.224", "NL", "14907", "WIKIMEDIA"],
  ["cdn.example.net", "2a02:26f0::1", "DE", "20940", "AKAMAI-ASN1"],
  ["media.example.es", "193.110.128.199", "ES", "3352", "TELEFONICA_DE_ESPANA"],
  ["backup.example.jp", "203.0.113.77", "JP", "2497", "IIJ"],
  ["api.example.com.br", "198.51.100.9", "BR", "28573", "Claro NXT"],
  ["", "192.168.1.1", "", "", ""],
  ["", "198.18.0.7", "", "", ""],
  ["edge.example.sg", "2400:cb00::7", "SG", "13335", "CLOUDFLARENET"],
  ["relay.example.net", "192.0.66.2", "EU", "", ""],
  ["", "233.252.0.9", "", "", ""],
  ["mirror.example.au", "103.4.16.9", "AU", "7575", "AARNET-AS-AP"],
  ["", "9.1.2.3", "", "", ""],
  ["www.example.co.za", "196.4.160.2", "ZA", "3741", "IS"],
  ["", "127.0.0.1", "", "", ""],
  ["www.example.fr", "212.27.48.10", "FR", "12322", "PROXAD"],
  ["cdn.example.in", "2405:200::9", "IN", "55836", "RELIANCEJIO"],
  ["www.example.gi", "195.166.192.2", "GI", "8301", "GIBTELECOM"],
] as const;

/** What the ranges of the addresses without a country are for. */
const RANGES: Record<string, string> = { "192.168.1.1": "private", "198.18.0.7": "benchmarking", "233.252.0.9": "multicast", "127.0.0.1": "loopback" };

interface Flow {
  keys: Record<string, string>;
  weight: number;
  seed: number;
  /** When it was first. */
  since?: number;
}

function flowsOf(world: World): Flow[] {
  if (world.scene === "quiet") return [];
  const nobody = world.scene === "busy" ? ["kernel", "process-gone"].flatMap(flowsOfNobody) : [];
  return [...nobody, ...programs(world)];
}

/** Whose bytes belong to no program. */
function flowsOfNobody(owner: string, who: number): Flow[] {
  const more: Record<string, string> = owner === "kernel" ? { kernel: owner } : { unattributed: owner };
  return PEERS.filter((_, whom) => whom % 5 === who).map((peer, whom) => {
    const keys = { ...more, owner, ...peerKeys(peer), user: "0", protocol: "tcp", direction: "outbound", port: "443", service: "tls", recognised: "false" };
    return { keys, weight: 4e6 / (1 + whom), seed: 500 + who * 31 + whom * 7 };
  });
}

function peerKeys([domain, remote, country, asn, name]: (typeof PEERS)[number]): Record<string, string> {
  const keys: Record<string, string> = { remote, range: RANGES[remote] ?? "public" };
  if (domain !== "") Object.assign(keys, { domain, registrable_domain: domain.split(".").slice(/\.(?:com|co)\.\w\w$/u.test(domain) ? -3 : -2).join("."), country });
  if (asn !== "") Object.assign(keys, { asn, asn_name: name });
  return keys;
}

function programs(world: World): Flow[] {
  const actors = actorsOf(world.scene);
  // Many programs have few peers each.
  const every = actors.length > 50 ? 19 : 4;
  return actors.flatMap((actor, who) =>
    PEERS.filter((_, whom) => (every === 4 ? (whom * 7 + who * 3) % 4 !== 1 : (whom + who) % every < 2)).map((peer, whom) => {
      const keys: Record<string, string> = {
        ...peerKeys(peer),
        command: `${actor.path} --silent --output /var/tmp/${peer[1]} https://${peer[0] || peer[1]}/${whom}`,
        owner: "program",
        application: `path:${actor.path}`,
        executable: actor.path,
        path: actor.path,
        sha256: hash(actor.path),
        parent: actor.parent,
        parent_path: actor.parent,
        // After an update the same path has another content.
        parent_sha256: hash(`${actor.parent} ${whom % 4 === 3 ? "before" : "now"}`),
        user: String(actor.uid),
        protocol: "tcp",
        direction: "outbound",
        port: "443",
        service: whom % 3 === 0 ? "quic" : "tls",
        recognised: String(whom % 2 === 0),
        state: world.reviews.get(`path:${actor.path}`) ?? actor.review,
      };
      // What one program asked a name for, another may only be believed to have used.
      if (keys["domain"] !== undefined && who % 3 === 2) keys["inferred"] = "true";
      if (isHostile(world.scene) && whom % 3 === 0 && keys["domain"] !== undefined) keys["domain"] = `${HOSTILE[who % HOSTILE.length]}.${keys["domain"]}`;
      return { keys, weight: 4e8 / (1 + who * 1.7) / (1 + whom * whom * 0.6), seed: who * 31 + whom * 7, since: world.nowMs - (actor.daysOld ?? 400) * DAY };
    }),
  );
}

/** What a flow moved from an instant on, for a while of one hour or, of many, a few. */
function moved(flow: Flow, atMs: number, forMs: number): { rx: number; tx: number } {
  const hour = Math.floor(atMs / HOUR);
  const daytime = Math.max(0, Math.sin(((hour % 24) - 6) * (Math.PI / 16)));
  const noise = (((hour + 1) * (flow.seed + 3) * 2_654_435_761) >>> 0) / 2 ** 32;
  const asleep = (((Math.floor(atMs / DAY) + 3) * (flow.seed + 11) * 40_503) >>> 0) % 7 === 0;
  // For a day and a half the machine was off.
  if (asleep || noise < 0.35 || isOff(atMs) || atMs < (flow.since ?? 0)) return { rx: 0, tx: 0 };
  const bytes = flow.weight * daytime * noise * (forMs / HOUR);
  return { rx: Math.round(bytes), tx: Math.round(bytes * (0.04 + 0.3 * (flow.seed % 3))) };
}

const isOff = (atMs: number) => Math.floor(atMs / (18 * HOUR)) % 29 === 0 || Math.floor(atMs / (18 * HOUR)) % 29 === 1;

/** When the machine was off, as far as that is a whole step. */
function gapsIn(from: number, to: number, step: number): Gap[] {
  const gaps: Gap[] = [];
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / HOUR) + 1) * HOUR);
    const last = gaps.at(-1);
    if (isOff(at)) {
      if (last?.until_unix_ms === at) last.until_unix_ms = end;
      else gaps.push({ from_unix_ms: at, until_unix_ms: end });
    }
    at = end;
  }
  return gaps.filter((gap) => Math.floor(gap.until_unix_ms / step) * step - step >= gap.from_unix_ms);
}

interface Read {
  flows: Flow[];
  from: number;
  to: number;
}

function read(world: World, query: string): Read {
  const fits: ((flow: Flow) => boolean)[] = [];
  let [from, to] = [world.nowMs - SINCE_MS, world.nowMs];
  for (const { text } of termsIn(query)) {
    const [, not, field, value] = /^(!?)(\w+):"?(.*?)"?$/u.exec(text) ?? [];
    if (field === undefined || value === undefined) {
      fits.push((flow) => Object.values(flow.keys).some((one) => one.toLowerCase().includes(text.replace(/"/gu, "").toLowerCase())));
    } else if (field === "since") from = Math.max(from, instant(value, world.nowMs));
    else if (field === "until") to = Math.min(to, instant(value, world.nowMs));
    else {
      const key = KEYS[field];
      if (key === undefined) throw wrong(query, text, field);
      fits.push((flow) => (flow.keys[key] === undefined ? value === "-" : matches(flow.keys[key], value)) !== (not === "!"));
    }
  }
  return { flows: flowsOf(world).filter((flow) => fits.every((fit) => fit(flow))), from, to };
}

const KEYS: Record<string, string> = {
  app: "application", application: "application", exe: "path", path: "path", parent: "parent_path", user: "user", uid: "user",
  remote: "remote", domain: "domain", site: "registrable_domain", country: "country", asn: "asn", port: "port", service: "service", command: "command", cmd: "command",
  sha256: "sha256", hash: "sha256", state: "state", range: "range", protocol: "protocol", direction: "direction", owner: "owner",
};

function matches(text: string, wanted: string): boolean {
  const decoded = wanted.replace(/\\u\{([0-9a-f]+)\}/gu, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 16)));
  const plain = decoded.replace(/\\(.)/gu, "$1").toLowerCase();
  if (plain === "-") return false;
  const low = text.toLowerCase();
  if (/^[0-9a-f]{12,}$/u.test(plain) && low.startsWith(plain)) return true;
  return low === plain || low.endsWith(`/${plain}`) || (plain.endsWith("*") && low.startsWith(plain.slice(0, -1))) || (plain.startsWith("*") && low.endsWith(plain.slice(1)));
}

function instant(value: string, nowMs: number): number {
  if (value.startsWith("@")) return Number(value.slice(1)) * 1000;
  const [, count, unit] = /^(\d+)([smhdw])$/u.exec(value) ?? [];
  const lengths: Record<string, number> = { s: 1000, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };
  return nowMs - Number(count ?? 0) * (lengths[unit ?? "s"] ?? 0);
}

function wrong(query: string, text: string, field: string): Failure {
  const column = query.indexOf(text) + 1;
  const suggestion = Object.keys(KEYS).find((key) => [...key].sort().join("") === [...field].sort().join("")) ?? null;
  return { kind: "wrong-query", message: `“${field}” is no field; put the word in quotes to find it as text`, place: { column, length: field.length, suggestion } };
}

function* pieces({ from, to, flows }: Read): Generator<[atMs: number, forMs: number]> {
  // What is made up for many must not take longer than what is drawn of it.
  const length = flows.length > 500 && to - from > 2 * DAY ? 5 * HOUR : HOUR;
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / length) + 1) * length);
    yield [at, end - at];
    at = end;
  }
}

/** Sums by group, as the daemon answers. */
export function groupsBy(world: World, request: QueryRequest): QueryResult {
  const what = read(world, request.query);
  const sums = new Map<string, { keys: Record<string, string>; rx: number; tx: number; first: number; last: number }>();
  for (const flow of what.flows) {
    const keys = pick(flow.keys, request.by);
    const id = JSON.stringify(keys);
    const sum = sums.get(id) ?? { keys, rx: 0, tx: 0, first: what.to, last: what.from };
    for (const [at, long] of pieces(what)) {
      const { rx, tx } = moved(flow, at, long);
      if (rx + tx === 0) continue;
      sum.rx += rx;
      sum.tx += tx;
      sum.first = Math.min(sum.first, at);
      sum.last = Math.max(sum.last, at + long);
    }
    if (sum.rx + sum.tx > 0) sums.set(id, sum);
  }
  const all = [...sums.values()].sort((a, b) => b.rx + b.tx - a.rx - a.tx);
  const shown = request.top > 0 ? all.slice(0, request.top) : all;
  const rest = all.slice(shown.length);
  const total = (list: typeof all): Sum => ({
    tx_bytes: list.reduce((sum, one) => sum + one.tx, 0),
    rx_bytes: list.reduce((sum, one) => sum + one.rx, 0),
    flows: list.length * 12,
    first_unix_ms: list.length === 0 ? null : Math.min(...list.map((one) => one.first)),
    last_unix_ms: list.length === 0 ? null : Math.max(...list.map((one) => one.last)),
  });
  const groups: Groups = {
    keys: columns(shown.map((one) => one.keys)),
    tx_bytes: shown.map((one) => one.tx),
    rx_bytes: shown.map((one) => one.rx),
    flows: shown.map(() => 12),
    first_unix_ms: shown.map((one) => one.first),
    last_unix_ms: shown.map((one) => one.last),
    other: rest.length === 0 ? null : { groups: rest.length, sum: total(rest) },
  };
  return { groups, total: total(all), covered: covered(what), places: placesFor(world, request), access: "all" };
}

/** What moved in each step, as the daemon answers. */
export function seriesBy(world: World, request: QueryRequest): SeriesResult {
  const what = read(world, request.query);
  const length = what.to - what.from;
  const steps: Record<string, number> = { bucket: 10_000, minute: MINUTE, hour: HOUR, day: DAY };
  const step_ms = steps[request.step] ?? (length <= 1.5 * HOUR ? 10_000 : length <= 26 * HOUR ? MINUTE : length <= 32 * DAY ? HOUR : DAY);
  const first = Math.floor(what.from / step_ms) * step_ms;
  const times: number[] = [];
  for (let at = first; at < what.to; at += step_ms) times.push(at);
  const lines = new Map<string, { keys: Record<string, string>; rx: number[]; tx: number[]; size: number }>();
  for (const flow of what.flows) {
    const keys = pick(flow.keys, request.by);
    const id = JSON.stringify(keys);
    const line = lines.get(id) ?? { keys, rx: times.map(() => 0), tx: times.map(() => 0), size: 0 };
    lines.set(id, line);
    for (const [index, start] of times.entries()) {
      for (const [at, long] of pieces({ flows: what.flows, from: Math.max(start, what.from), to: Math.min(start + step_ms, what.to) })) {
        const { rx, tx } = moved(flow, at, long);
        line.rx[index] = (line.rx[index] ?? 0) + rx;
        line.tx[index] = (line.tx[index] ?? 0) + tx;
        line.size += rx + tx;
      }
    }
  }
  const all = [...lines.values()].filter((line) => line.size > 0).sort((a, b) => b.size - a.size);
  const shown = request.top > 0 ? all.slice(0, request.top) : all;
  const rest = all.slice(shown.length);
  const asLine = (rx: number[], tx: number[]) => ({ rx_bytes: rx, tx_bytes: tx, flows: times.map(() => 1) });
  const added = (pickOf: "rx" | "tx") => times.map((_, at) => rest.reduce((sum, line) => sum + (line[pickOf][at] ?? 0), 0));
  return {
    step_ms,
    times_unix_ms: times,
    keys: columns(shown.map((line) => line.keys)),
    lines: shown.map((line) => asLine(line.rx, line.tx)),
    other: rest.length === 0 ? null : asLine(added("rx"), added("tx")),
    gaps: gapsIn(first, (times.at(-1) ?? first) + step_ms, step_ms),
    covered: covered(what),
    places: placesFor(world, request),
    access: "all",
  };
}

/** Where countries come from; in the reduced scene there is no database. */
function placesFor(world: World, request: QueryRequest): PlaceData[] {
  if (world.scene === "reduced" || !request.by.some((one) => one === "country" || one === "asn")) return [];
  const attribution = "Countries and networks: IPFire Location (https://location.ipfire.org), CC BY-SA 4.0";
  return [{ name: "Portolan-Places", made_unix_ms: world.nowMs - 90 * DAY, attribution }];
}

/** All that a query means. */
export function sumOf(world: World, query: string): Sum {
  return groupsBy(world, { query, by: [], top: 0, step: "", zone: "", token: 0 }).total;
}

function covered(what: Read) {
  return { since_unix_ms: what.from, until_unix_ms: what.to, finest: what.to - what.from > 8 * DAY ? "hour" : "bucket" };
}

const OWNER = ["kernel", "unattributed"];

/** What is told of a dimension besides; a range only where the place is not known. */
const BESIDES: Record<string, readonly string[]> = {
  application: OWNER,
  executable: ["path", "sha256", ...OWNER],
  parent: ["parent_path", "parent_sha256", ...OWNER],
  domain: ["inferred"],
  registrable_domain: ["inferred"],
  service: ["recognised"],
  asn: ["asn_name"],
};

/** The keys that belong to dimensions, as the daemon tells them. */
function pick(keys: Record<string, string>, by: readonly string[]): Record<string, string> {
  const isPlaceless = by.some((one) => (one === "country" || one === "asn") && keys[one] === undefined);
  const wanted = [...by.flatMap((one) => [one, ...(BESIDES[one] ?? [])]), ...(isPlaceless ? ["range"] : [])];
  return Object.fromEntries(Object.entries(keys).filter(([key]) => wanted.includes(key)));
}

function columns(groups: Record<string, string>[]): Column[] {
  const keys = [...new Set(groups.flatMap((group) => Object.keys(group)))];
  return keys.map((key) => {
    const texts = [...new Set(groups.flatMap((group) => group[key] ?? []))];
    return { key, texts, at: groups.map((group) => texts.indexOf(group[key] ?? "") + 1) };
  });
}
