import type { Finding, LiveRow, LiveTick, Status } from "../bindings/bindings";
import type { WindowEvent } from "../bindings/desktop";
import type { Evidence } from "../bindings/evidence";
import type { Backend } from "./backend";

/** The states that the stand-in can show. */
export const scenes = ["busy", "quiet", "gone", "lost", "denied", "connecting", "hostile", "reduced"] as const;
export type Scene = (typeof scenes)[number];

/** Names that try to be something else than a name. */
export const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "</script><script>document.title='owned'</script>",
  "{{constructor.constructor('alert(1)')()}}",
  "evil\u202egnp.exe",
  "two\nlines\u0007",
  "zero\u200bwidth",
  "x".repeat(400),
  "عربى",
];

interface Actor {
  path: string;
  parent: string;
  uid: number;
  review: string;
  rx: (second: number) => number;
  tx: (second: number) => number;
}

const wave = (height: number, period: number, phase = 0) => (second: number) =>
  Math.round(height * (0.55 + 0.45 * Math.sin((second + phase) / period)) * (0.8 + 0.2 * Math.sin(second * 1.7 + phase)));
const burst = (height: number, every: number, long: number) => (second: number) =>
  second % every < long ? Math.round(height * (0.85 + 0.15 * Math.sin(second * 2.3))) : 0;

const ACTORS: Actor[] = [
  { path: "/usr/lib/firefox/firefox", parent: "/usr/bin/gnome-shell", uid: 1000, review: "approved", rx: wave(1_600_000, 23), tx: wave(90_000, 17) },
  { path: "/usr/bin/curl", parent: "/usr/bin/bash", uid: 1000, review: "unreviewed", rx: burst(2_400_000, 97, 21), tx: burst(12_000, 97, 21) },
  { path: "/usr/bin/rsync", parent: "/usr/bin/cron", uid: 0, review: "approved", rx: wave(8_000, 11), tx: burst(1_300_000, 140, 60) },
  { path: "/usr/lib/apt/methods/http", parent: "/usr/bin/apt-get", uid: 100, review: "approved", rx: burst(900_000, 170, 35), tx: burst(7_000, 170, 35) },
  { path: "/usr/bin/ssh", parent: "/usr/bin/bash", uid: 1000, review: "ignored", rx: wave(14_000, 5), tx: wave(6_000, 4) },
  { path: "/opt/updater/bin/updater-helper", parent: "/usr/lib/systemd/systemd", uid: 0, review: "unreviewed", rx: burst(200_000, 61, 4), tx: burst(60_000, 61, 9) },
];

/** A stand-in for the app: the same events, made up. It lives in tests, in a browser and in screenshots. */
export function mock(scene: Scene, nowMs = Date.now()): Backend & { answers: [string, string][]; stop: () => void } {
  const answers: [string, string][] = [];
  let tell: (event: WindowEvent) => void = () => {};
  let timer: ReturnType<typeof setInterval> | undefined;
  let findings = findingsOf(scene, nowMs);
  const start = Math.floor(nowMs / 1000);
  const reviews = new Map<string, string>();
  const tickAt = (second: number) => tick(scene, second, reviews);

  return {
    answers,
    stop: () => clearInterval(timer),
    async attach(listener) {
      tell = listener;
      tell(linkOf(scene));
      if (scene === "connecting" || scene === "gone" || scene === "denied") return;
      tell({ event: "users", names: { 0: "root", 100: "_apt", 1000: "alice" } });
      tell({ event: "findings", open: findings });
      const seconds = Array.from({ length: 300 }, (_, index) => start - 299 + index);
      // A minute ago the daemon was restarted.
      const known = scene === "quiet" ? [] : seconds.filter((second) => start - second > 74 || start - second < 61);
      tell({ event: "history", ticks: (scene === "quiet" ? seconds : known).map(tickAt) });
      if (scene === "lost") return tell(linkOf("gone"));
      tell({ event: "status", status: statusOf(scene, nowMs) });
      let second = start;
      timer = setInterval(() => tell({ event: "tick", tick: tickAt((second += 1)) }), 1000);
    },
    async review(application, state) {
      if (scene === "reduced") throw "You do not have permission for this: only the group “portolan” may review.";
      answers.push([application, state]);
      reviews.set(application, state);
      findings = findings.filter((finding) => finding.application !== application);
      tell({ event: "reviewed", application, review: state });
      tell({ event: "findings", open: findings });
    },
    async retry() {
      tell(linkOf("connecting"));
      tell(linkOf(scene));
    },
  };
}

function linkOf(scene: Scene): WindowEvent {
  if (scene === "connecting") return { event: "link", state: "connecting", reason: null };
  if (scene === "gone") {
    const reason = "Portolan's daemon is not running, so nothing is recorded. Start it with “systemctl start portoland”.";
    return { event: "link", state: "gone", reason };
  }
  if (scene === "denied") {
    const reason =
      "You are not allowed to see the traffic of this machine. Ask its administrator to add you to the group “portolan”, then log in again.";
    return { event: "link", state: "denied", reason };
  }
  return { event: "link", state: "up", reason: null };
}

function hash(text: string): string {
  let state = 2_166_136_261;
  let digits = "";
  for (let round = 0; digits.length < 64; round += 1) {
    for (const character of text + round) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 16_777_619) >>> 0;
    digits += state.toString(16).padStart(8, "0");
  }
  return digits;
}

function actorsOf(scene: Scene): Actor[] {
  if (scene !== "hostile") return scene === "quiet" ? [] : ACTORS;
  return HOSTILE.map((name, index) => ({
    path: `/tmp/${name}`,
    parent: `/home/<b>${name}`,
    uid: 1000,
    review: "unreviewed",
    rx: wave(100_000 * (index + 1), 7 + index),
    tx: wave(20_000 * (index + 1), 5 + index),
  }));
}

function tick(scene: Scene, second: number, reviews: ReadonlyMap<string, string>): LiveTick {
  const rows: LiveRow[] = actorsOf(scene).map((actor) => ({
    application: `path:${actor.path}`,
    path: actor.path,
    sha256: hash(actor.path),
    parent_path: actor.parent,
    review: reviews.get(`path:${actor.path}`) ?? actor.review,
    unit: null,
    container: null,
    uid: actor.uid,
    remote: "151.101.2.132:443",
    domain: "deb.debian.org",
    domain_inferred: false,
    tx_bytes: actor.tx(second),
    rx_bytes: actor.rx(second),
    flows: 1,
  }));
  if (scene === "busy") rows.push(nobody("kernel", 900), nobody("process-gone", second % 50 === 0 ? 4000 : 0));
  return { unix_ms: second * 1000, interval_ms: 1000, rows };
}

function nobody(path: string, rx_bytes: number): LiveRow {
  const none = { application: null, sha256: null, parent_path: null, review: null, unit: null, container: null, remote: null, domain: null };
  return { ...none, path, domain_inferred: false, uid: 0, tx_bytes: 0, rx_bytes, flows: 0 };
}

const UNOWNED: Evidence = { provenance: { state: "unowned" } };
const MODIFIED: Evidence = {
  provenance: { state: "modified", of: { manager: "deb", name: "openssh-client", version: "1:9.2p1-2" } },
  foreign_code: [{ kind: "preload", path: HOSTILE[0] ?? "", sha256: null, provenance: { state: "unowned" }, since: 0 }],
};

function findingsOf(scene: Scene, nowMs: number): Finding[] {
  if (scene === "quiet") return [];
  return actorsOf(scene)
    .filter((actor) => actor.review === "unreviewed")
    .map((actor, index) => ({
      id: index + 1,
      kind: index === 1 ? "changed-executable" : "new-application",
      severity: index === 1 ? "loud" : "normal",
      state: "open",
      unix_ms: nowMs - 40_000 * (index + 1),
      updated_unix_ms: nowMs - 40_000 * (index + 1),
      times: 1,
      snoozed_until_unix_ms: null,
      answered_by: null,
      answered_unix_ms: null,
      application: `path:${actor.path}`,
      path: actor.path,
      sha256: hash(actor.path),
      previous_sha256: index === 1 ? hash(`old ${actor.path}`) : null,
      parent_path: actor.parent,
      uid: actor.uid,
      remote: index === 0 ? "151.101.2.132:443" : "[2a04:4e42::644]:443",
      remote_name: "deb.debian.org",
      remote_name_inferred: index !== 0,
      detail: null,
      evidence: JSON.stringify(index === 1 ? MODIFIED : UNOWNED),
    }));
}

function statusOf(scene: Scene, nowMs: number): Status {
  const reduced = scene === "reduced";
  return {
    version: "0.1.0",
    state: reduced ? "reduced" : "recording",
    notes: reduced ? ["The kernel has no hook for sent datagrams: they are counted per socket only."] : [],
    access: reduced ? "own" : "all",
    started_unix_ms: nowMs - 86_400_000,
    self_test: { state: "passed", detail: "Moved 1 MB, counted 1 MB.", checked_unix_ms: nowMs - 86_400_000, parts: [] },
    counting: "by the kernel's tracepoints, in the call that moves the bytes.",
    hooks: [],
    attribution: { total: 10_000_000, attributed: 9_990_000, kernel: 8_000, unattributed: { "process-gone": 2_000 }, excluded: 0, pending: 0 },
    ledger: { state: "balanced", truth: 10_000_000, protocols: [], self_test: 0, difference: 0 },
    network: { problem: null, lines: [] },
    losses: { exec_records: reduced ? 12 : 0 },
    history: { path: "/var/lib/portolan/history.sqlite", size_bytes: 212_000_000, first_unix_ms: nowMs - 1e10, problem: null },
    resources: { cpu_ms: 12_000, pss_bytes: 14_200_000, sockets: 120, processes: 240, process_events: 9_000 },
    unreviewed: 2,
    learning_until_unix_ms: null,
  };
}
