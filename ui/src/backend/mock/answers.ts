import type { Application, DetailsResult, Finding, Setting } from "../../bindings/bindings";
import type { Failure, Preferences, Question, WindowEvent } from "../../bindings/desktop";
import { preferences } from "../../model/preferences.svelte";
import { evidenceOf } from "../../text/evidence";
import { answeredOf } from "./findings";
import { actorsOf, hash } from "./live";
import { groupsBy, seriesBy, sumOf } from "./history";
import { iconsOf, imported, saved } from "./files";
import type { Scene } from "./scenes";
import { statusOf } from "./status";

/** What the stand-in knows. */
export interface World {
  scene: Scene;
  nowMs: number;
  /** All that was asked, for tests. */
  asked: Question[];
  findings: Finding[];
  /** What was answered or put off while it runs. */
  gone: Finding[];
  reviews: Map<string, string>;
  /** What was answered, by question. */
  answers: Map<string, unknown>;
  settings: Map<string, string>;
  preferences?: Preferences;
  tell: (event: WindowEvent) => void;
}

/** More questions no test looks at; a browser stays open for long. */
const ASKED_MAX = 1000;

/** Answers as the daemon would; throws a `Failure`. */
export function answerOf(world: World, question: Question): unknown {
  world.asked.push(question);
  if (world.asked.length > ASKED_MAX) world.asked.shift();
  if (question.ask === "preferences") return world.preferences ?? { ...preferences };
  if (question.ask === "prefer") {
    world.preferences = question.preferences;
    return null;
  }
  if (world.scene === "gone" || world.scene === "connecting") throw failure("gone", "Portolan's daemon is not running, so nothing is recorded. Start it with “systemctl start portoland”.");
  if (world.scene === "denied") throw failure("denied", "You do not have permission for this.");
  switch (question.ask) {
    case "query":
      return remembered(world, question, () => groupsBy(world, question.request));
    case "series":
      return remembered(world, question, () => seriesBy(world, question.request));
    case "complete":
      return completion(question.text, question.cursor);
    case "details":
      return details(world, question.kind, question.key);
    case "cancel":
      return false;
    case "lookup":
      return { addresses: [], places: PLACES, truncated: false, access: "all" };
    case "findings":
      return question.answered ? [...world.findings, ...world.gone, ...answeredOf(world.scene, world.nowMs)] : [...world.findings, ...world.gone.filter((finding) => finding.state === "open")];
    case "applications":
      return applications(world);
    case "contents":
      return CONTENTS(world.nowMs);
    case "settings":
      return { settings: SETTINGS.map((setting) => withSet(world, setting)), problems: world.scene === "reduced" ? [PROBLEM] : [] };
    case "review":
      return review(world, question.application, question.state);
    case "dismiss":
      allow(world, "review applications");
      return leave(world, (finding) => finding.id === question.finding, { state: "ignored", answered_by: 1000, answered_unix_ms: world.nowMs });
    case "snooze":
      allow(world, "review applications");
      return snooze(world, question.finding, question.until_unix_ms);
    case "end-learning":
      allow(world, "review applications");
      world.tell({ event: "status", status: { ...statusOf(world.scene, world.nowMs), learning_until_unix_ms: null } });
      return null;
    case "open-folder":
    case "virus-total":
      return null;
    case "save-picture":
      return saved(world, `/home/alice/Pictures/portolan-${question.picture.name}-2026-11-22.${question.picture.format}`);
    case "save-report":
      return saved(world, `/home/alice/Documents/portolan-${question.month}.html`);
    case "status":
      return statusOf(world.scene, world.nowMs);
    case "export-reviews":
      return saved(world, "/home/alice/portolan-reviews-2026-11-22.json");
    case "import-reviews":
      return imported(world);
    case "icons":
      return iconsOf(world.scene, question.applications);
    case "self-test":
      return { state: "passed", detail: "Moved 1 MB, counted 1 MB.", checked_unix_ms: world.nowMs, parts: [] };
    case "set":
    case "reset": {
      const setting = SETTINGS.find((one) => one.key === question.key);
      if (world.scene === "reduced") throw failure("denied", refusedBy("change the configuration (org.portolan.configure). Who gives an administrator's password in a local session may, and root."));
      if (!setting) throw failure("other", `There is no key “${question.key}”.`);
      if (question.ask === "set") world.settings.set(question.key, question.value);
      else world.settings.delete(question.key);
      return withSet(world, setting);
    }
  }
}

/** The clock of the stand-in stands still: what was asked before has the same answer. */
function remembered(world: World, { request, ask }: Extract<Question, { request: unknown }>, answer: () => unknown): unknown {
  const key = JSON.stringify([ask, { ...request, token: 0 }, [...world.reviews]]);
  const known = world.answers.get(key) ?? answer();
  world.answers.set(key, known);
  return known;
}

const refusedBy = (what: string) => `You do not have permission for this: polkit does not allow user 1000 to ${what}`;

function allow(world: World, what: string): void {
  if (world.scene === "reduced") throw failure("denied", refusedBy(`${what} (org.portolan.review). Members of the group portolan in a local session may, and root.`));
}

function review(world: World, application: string, state: "approved" | "ignored" | "unreviewed"): null {
  allow(world, "review applications");
  world.reviews.set(application, state);
  // A reset answers nothing, and opens nothing again.
  if (state === "unreviewed") return null;
  const members = (finding: Finding) => (finding.kind === "baseline" ? (evidenceOf(finding).members ?? []) : []);
  const answers = (finding: Finding) =>
    finding.application === application || (members(finding).length > 0 && members(finding).every((member) => isReviewed(world, member.application)));
  return leave(world, answers, { state, answered_by: 1000, answered_unix_ms: world.nowMs });
}

function isReviewed(world: World, key: string): boolean {
  return applications(world).some(({ application, review }) => application === key && review !== "unreviewed") || world.reviews.has(key);
}

function snooze(world: World, id: number, until_unix_ms: number | null): null {
  if (until_unix_ms !== null) return leave(world, (finding) => finding.id === id, { snoozed_until_unix_ms: until_unix_ms });
  world.findings = [...world.findings, ...world.gone.filter((finding) => finding.id === id).map((finding) => ({ ...finding, snoozed_until_unix_ms: null }))];
  world.gone = world.gone.filter((finding) => finding.id !== id);
  world.tell({ event: "findings", open: world.findings });
  return null;
}

function leave(world: World, leaves: (finding: Finding) => boolean, change: Partial<Finding>): null {
  world.gone = [...world.findings.filter(leaves).map((finding) => ({ ...finding, ...change })), ...world.gone];
  world.findings = world.findings.filter((finding) => !leaves(finding));
  world.tell({ event: "findings", open: world.findings });
  return null;
}

/** What has talked. */
export function applications(world: World): Application[] {
  return actorsOf(world.scene).map((actor, index) => ({
    application: `path:${actor.path}`,
    path: actor.path,
    sha256: hash(actor.path),
    provenance: index % 3 === 2 ? UNOWNED : VERIFIED,
    script: null,
    review: world.reviews.get(`path:${actor.path}`) ?? actor.review,
    first_unix_ms: world.nowMs - (actor.daysOld ?? 400) * 86_400_000,
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
export const PLACES: DetailsResult["places"] = [
  { name: "IPFire Location", made_unix_ms: 1_780_000_000_000, attribution: "Countries and networks: IPFire Location Database, CC BY-SA 4.0." },
];

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
  ["recording.tick", '"1 s"'],
  ["recording.bucket", '"10 s"'],
  ["recording.command_lines", "true"],
  ["recording.addresses", "true"],
  ["recording.ports", "true"],
  ["recording.domains", "true"],
  ["retention.bucket", '"7 days"'],
  ["retention.minute", '"30 days"'],
  ["retention.hour", '"2 years"'],
  ["retention.day", '"for ever"'],
  ["retention.max_size", '"2 GB"'],
  ["learning.period", '"1 day"'],
  ["notifications.least", '"normal"'],
  ["notifications.quiet_kinds", "[]"],
  ["places.databases", '"own"'],
  ["log.file", '"off"'],
  ["log.format", '"json"'],
  ["log.rotate", '"64 MiB"'],
  ["log.keep", "5"],
  ["exclusions.applications", '["/opt/backup/*"]', "/etc/portolan/portolan.toml:41"],
  ["exclusions.executables", "[]"],
  ["exclusions.networks", '["10.0.0.0/8", { network = "fd00::/8", side = "either" }]', "/etc/portolan/portolan.d/20-office.toml:3"],
  ["exclusions.between_local", "false"],
  ["exclusions.ports", '[53, "6881-6889"]', "/etc/portolan/portolan.d/50-set.toml:2"],
  ["exclusions.domains", "[]"],
  ["exclusions.users", "[]"],
  ["exclusions.containers", "[]"],
  ["future.key", '"of a newer daemon"'],
].map(([key, value, source]) => ({
  key: key ?? "",
  value: value ?? "",
  is_default: source === undefined,
  sources: source === undefined ? [] : [source],
}));

const PROBLEM = "/etc/portolan/portolan.d/20-office.toml:3:1: there is no key “exclusions.netwoks”; “exclusions.networks” was probably meant.";

/** As the daemon writes down what a person typed. */
function written(before: string, typed: string): string {
  if (before === "true" || before === "false") return String(typed === "on");
  return before.startsWith('"') && !typed.startsWith('"') ? JSON.stringify(typed) : typed;
}

function withSet(world: World, setting: Setting): Setting {
  const value = world.settings.get(setting.key);
  return value === undefined ? setting : { ...setting, value: written(setting.value, value), is_default: false, sources: ["/etc/portolan/portolan.d/50-set.toml:1"] };
}

const CONTENTS = (nowMs: number) => ({
  path: "/var/lib/portolan/history.sqlite",
  file_bytes: 212_000_000,
  log_bytes: 4_000_000,
  max_bytes: 2_000_000_000,
  levels: [
    { level: "bucket", intervals: 60_000, rows: 700_000, bytes: 16_000_000, first_unix_ms: nowMs - 6.04e8, last_unix_ms: nowMs, kept: "7 days" },
    { level: "minute", intervals: 43_200, rows: 900_000, bytes: 21_000_000, first_unix_ms: nowMs - 2.59e9, last_unix_ms: nowMs, kept: "30 days" },
    { level: "hour", intervals: 8_000, rows: 800_000, bytes: 19_000_000, first_unix_ms: nowMs - 3e10, last_unix_ms: nowMs, kept: "2 years" },
    { level: "day", intervals: 365, rows: 300_000, bytes: 7_000_000, first_unix_ms: nowMs - 3.1e10, last_unix_ms: nowMs, kept: "for ever" },
  ],
  forgotten: [{ unix_ms: nowMs - 2.2e9, by: 1000, rows: 1_240, bytes: 310_000 }],
});

/** What a question is rejected with. */
export function failure(kind: Failure["kind"], message: string): Failure {
  return { kind, message, place: null };
}
