import type { Application, DetailsResult, Finding, Setting } from "../../bindings/bindings";
import type { Failure, Preferences, Question, WindowEvent } from "../../bindings/desktop";
import { actorsOf, hash } from "./live";
import { groupsBy, seriesBy, sumOf } from "./history";
import type { Scene } from "./scenes";

/** What the stand-in knows. */
export interface World {
  scene: Scene;
  nowMs: number;
  /** All that was asked, for tests. */
  asked: Question[];
  findings: Finding[];
  reviews: Map<string, string>;
  settings: Map<string, string>;
  preferences?: Preferences;
  tell: (event: WindowEvent) => void;
}

/** Answers as the daemon would; throws a `Failure`. */
export function answerOf(world: World, question: Question): unknown {
  world.asked.push(question);
  if (question.ask === "preferences") return world.preferences ?? { theme: "system", measure: "bytes", base: "decimal", language: "system" };
  if (question.ask === "prefer") {
    world.preferences = question.preferences;
    return null;
  }
  if (world.scene === "gone" || world.scene === "connecting") throw failure("gone", "Portolan's daemon is not running, so nothing is recorded. Start it with “systemctl start portoland”.");
  if (world.scene === "denied") throw failure("denied", "You do not have permission for this.");
  switch (question.ask) {
    case "query":
      return groupsBy(world, question.request);
    case "series":
      return seriesBy(world, question.request);
    case "complete":
      return completion(question.text, question.cursor);
    case "details":
      return details(world, question.kind, question.key);
    case "cancel":
      return false;
    case "lookup":
      return { addresses: [], places: PLACES, truncated: false, access: "all" };
    case "findings":
      return question.answered ? [...world.findings, ...answered(world)] : world.findings;
    case "applications":
      return applications(world);
    case "contents":
      return CONTENTS(world.nowMs);
    case "settings":
      return { settings: SETTINGS.map((setting) => withSet(world, setting)), problems: [] };
    case "review":
      return review(world, question.application, question.state);
    case "dismiss":
      return leave(world, (finding) => finding.id !== question.finding);
    case "snooze":
      return leave(world, (finding) => finding.id !== question.finding);
    case "end-learning":
    case "open-folder":
    case "virus-total":
      return null;
    case "self-test":
      return { state: "passed", detail: "Moved 1 MB, counted 1 MB.", checked_unix_ms: world.nowMs, parts: [] };
    case "set":
    case "reset": {
      const setting = SETTINGS.find((one) => one.key === question.key);
      if (world.scene === "reduced") throw failure("denied", "You do not have permission for this: only administrators may configure.");
      if (!setting) throw failure("other", `There is no key “${question.key}”.`);
      if (question.ask === "set") world.settings.set(question.key, question.value);
      else world.settings.delete(question.key);
      return withSet(world, setting);
    }
  }
}

function review(world: World, application: string, state: string): null {
  if (world.scene === "reduced") throw failure("denied", "You do not have permission for this: only the group “portolan” may review.");
  world.reviews.set(application, state);
  return leave(world, (finding) => finding.application !== application);
}

function leave(world: World, stays: (finding: Finding) => boolean): null {
  world.findings = world.findings.filter(stays);
  world.tell({ event: "findings", open: world.findings });
  return null;
}

function answered(world: World): Finding[] {
  return world.findings.slice(0, 1).map((finding) => ({
    ...finding,
    id: 900,
    state: "approved",
    unix_ms: world.nowMs - 9e7,
    answered_by: 1000,
    answered_unix_ms: world.nowMs - 8.9e7,
  }));
}

function applications(world: World): Application[] {
  return actorsOf(world.scene).map((actor, index) => ({
    application: `path:${actor.path}`,
    path: actor.path,
    sha256: hash(actor.path),
    provenance: index % 3 === 2 ? UNOWNED : VERIFIED,
    script: null,
    review: world.reviews.get(`path:${actor.path}`) ?? actor.review,
    first_unix_ms: world.nowMs - 9e9,
    last_unix_ms: world.nowMs - 60_000 * index,
    executables: 1 + (index % 3),
  }));
}

function details(world: World, kind: string, key: string): DetailsResult {
  const query = kind === "application" ? `app:"${key}"` : kind === "executable" ? `sha256:${key.slice(0, 64)}` : key;
  const by = (...dimensions: string[]) => groupsBy(world, { query, by: dimensions, top: 50, step: "", zone: "", token: 0 }).groups;
  return {
    total: sumOf(world, query),
    covered: { since_unix_ms: world.nowMs - 9e9, until_unix_ms: world.nowMs, finest: "bucket" },
    applications: applications(world).filter((application) => kind !== "application" || application.application === key),
    applications_left_out: 0,
    groups: { executables: by("executable"), parents: by("parent"), users: by("user"), remotes: by("remote", "domain", "country"), services: by("service") },
    findings: world.findings.filter((finding) => finding.application === key),
    findings_left_out: 0,
    places: PLACES,
    access: "all",
  };
}

/** Where the stand-in's countries come from. */
export const PLACES: DetailsResult["places"] = [];

const UNOWNED = { state: "unowned", package_manager: null, package_name: null, package_version: null, reason: null };
const VERIFIED = { ...UNOWNED, state: "verified", package_manager: "deb", package_name: "example", package_version: "1.2-3" };

const FIELDS = ["app:", "exe:", "parent:", "user:", "remote:", "domain:", "country:", "asn:", "port:", "service:", "state:", "since:", "until:"];
const VALUES: Record<string, string[]> = {
  "app:": ["firefox", "curl", "rsync", "http", "ssh", "updater-helper"],
  "country:": ["DE", "US", "FR", "ES"],
  "domain:": ["github.com", "deb.debian.org", "www.example.org"],
};

function completion(text: string, cursor: number) {
  const start = text.slice(0, cursor).search(/\S*$/u);
  const word = text.slice(start, cursor);
  const field = Object.keys(VALUES).find((one) => word.startsWith(one));
  if (field === undefined) return { start, end: cursor, words: FIELDS.filter((one) => one.startsWith(word)) };
  const prefix = word.slice(field.length);
  return { start: start + field.length, end: cursor, words: (VALUES[field] ?? []).filter((one) => one.startsWith(prefix)) };
}

const SETTINGS: Setting[] = [
  ["recording.bucket", '"10s"'],
  ["recording.addresses", "true"],
  ["recording.command_lines", "true"],
  ["retention.max_size", '"2 GB"'],
  ["learning.period", '"24h"'],
  ["notifications.least", '"normal"'],
].map(([key, value]) => ({ key: key ?? "", value: value ?? "", is_default: true, sources: [] }));

function withSet(world: World, setting: Setting): Setting {
  const value = world.settings.get(setting.key);
  return value === undefined ? setting : { ...setting, value, is_default: false, sources: ["/etc/portolan/portolan.d/50-set.toml:1"] };
}

const CONTENTS = (nowMs: number) => ({
  path: "/var/lib/portolan/history.sqlite",
  file_bytes: 212_000_000,
  log_bytes: 4_000_000,
  max_bytes: 2_000_000_000,
  levels: [
    { level: "bucket", intervals: 60_000, rows: 700_000, bytes: 16_000_000, first_unix_ms: nowMs - 6.04e8, last_unix_ms: nowMs, kept: "7 days" },
    { level: "minute", intervals: 43_200, rows: 900_000, bytes: 21_000_000, first_unix_ms: nowMs - 2.59e9, last_unix_ms: nowMs, kept: "30 days" },
    { level: "hour", intervals: 8_000, rows: 800_000, bytes: 19_000_000, first_unix_ms: nowMs - 3e10, last_unix_ms: nowMs, kept: "730 days" },
    { level: "day", intervals: 365, rows: 300_000, bytes: 7_000_000, first_unix_ms: nowMs - 3.1e10, last_unix_ms: nowMs, kept: "for ever" },
  ],
  forgotten: [],
});

function failure(kind: Failure["kind"], message: string): Failure {
  return { kind, message, place: null };
}
