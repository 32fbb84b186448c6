import type { LiveRow, LiveTick } from "../../bindings/bindings";
import type { Scene } from "./scenes";

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

export interface Actor {
  path: string;
  parent: string;
  uid: number;
  review: string;
  /** For how many days it has been known; of an old one nothing is said. */
  daysOld?: number;
  rx: (second: number) => number;
  tx: (second: number) => number;
}

const wave = (height: number, period: number, phase = 0) => (second: number) =>
  Math.round(height * (0.55 + 0.45 * Math.sin((second + phase) / period)) * (0.8 + 0.2 * Math.sin(second * 1.7 + phase)));
const burst = (height: number, every: number, long: number) => (second: number) =>
  second % every < long ? Math.round(height * (0.85 + 0.15 * Math.sin(second * 2.3))) : 0;

const ACTORS: Actor[] = [
  { path: "/usr/lib/firefox/firefox", parent: "/usr/bin/gnome-shell", uid: 1000, review: "approved", rx: wave(1_600_000, 23), tx: wave(90_000, 17) },
  { path: "/usr/bin/curl", parent: "/usr/bin/bash", uid: 1000, review: "unreviewed", daysOld: 5, rx: burst(2_400_000, 97, 21), tx: burst(12_000, 97, 21) },
  { path: "/usr/bin/rsync", parent: "/usr/bin/cron", uid: 0, review: "approved", rx: wave(8_000, 11), tx: burst(1_300_000, 140, 60) },
  { path: "/usr/lib/apt/methods/http", parent: "/usr/bin/apt-get", uid: 100, review: "approved", rx: burst(900_000, 170, 35), tx: burst(7_000, 170, 35) },
  { path: "/usr/bin/ssh", parent: "/usr/bin/bash", uid: 1000, review: "ignored", rx: wave(14_000, 5), tx: wave(6_000, 4) },
  { path: "/opt/updater/bin/updater-helper", parent: "/usr/lib/systemd/systemd", uid: 0, review: "unreviewed", daysOld: 190, rx: burst(200_000, 61, 4), tx: burst(60_000, 61, 9) },
];

/** Sixty-four digits that follow from a text. */
export function hash(text: string): string {
  let state = 2_166_136_261;
  let digits = "";
  for (let round = 0; digits.length < 64; round += 1) {
    for (const character of text + round) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 16_777_619) >>> 0;
    digits += state.toString(16).padStart(8, "0");
  }
  return digits;
}

/** Whether everything that a program chooses tries to be something else. */
export const isHostile = (scene: Scene) => scene === "hostile" || scene === "crowd";

/** The names of a hostile scene: one of each, or as many as a person will ever see. */
function namesOf(scene: Scene): string[] {
  if (scene === "hostile") return HOSTILE;
  return Array.from({ length: CROWD }, (_, index) => `${HOSTILE[index % HOSTILE.length]}${index < HOSTILE.length ? "" : ` ${index}`}`);
}

const CROWD = 500;

/** Who talks. */
export function actorsOf(scene: Scene): Actor[] {
  if (!isHostile(scene)) return scene === "quiet" ? [] : ACTORS;
  return namesOf(scene).map((name, index) => ({
    path: `/tmp/${name}`,
    parent: `/home/<b>${name}`,
    uid: 1000,
    review: "unreviewed",
    rx: wave(100_000 * ((index % 8) + 1), 7 + index),
    tx: wave(20_000 * ((index % 8) + 1), 5 + index),
  }));
}

const REMOTES = [
  { remote: "140.82.121.4:443", domain: "github.com", domain_inferred: false },
  { remote: "151.101.2.132:443", domain: "deb.debian.org", domain_inferred: false },
  { remote: "[2a02:26f0::1]:443", domain: "cdn.example.net", domain_inferred: true },
  { remote: "192.168.1.1:22", domain: null, domain_inferred: false },
] as const;

function remoteOf(path: string): (typeof REMOTES)[number] {
  return REMOTES[path.length % REMOTES.length] ?? REMOTES[0];
}

/** One second. */
export function tick(scene: Scene, second: number, reviews: ReadonlyMap<string, string>): LiveTick {
  const rows: LiveRow[] = actorsOf(scene).map((actor) => ({
    application: `path:${actor.path}`,
    path: actor.path,
    sha256: hash(actor.path),
    parent_path: actor.parent,
    review: reviews.get(`path:${actor.path}`) ?? actor.review,
    unit: null,
    container: null,
    uid: actor.uid,
    ...remoteOf(actor.path),
    ...(isHostile(scene) ? { domain: actor.path } : {}),
    tx_bytes: actor.tx(second),
    rx_bytes: actor.rx(second),
    flows: actor.rx(second) + actor.tx(second) > 0 ? 1 + (actor.path.length % 3) : 0,
  }));
  if (scene === "busy") rows.push(nobody("kernel", 900), nobody("process-gone", second % 50 === 0 ? 4000 : 0));
  return { unix_ms: second * 1000, interval_ms: 1000, rows };
}

function nobody(path: string, rx_bytes: number): LiveRow {
  const none = { application: null, sha256: null, parent_path: null, review: null, unit: null, container: null, remote: null, domain: null };
  return { ...none, path, domain_inferred: false, uid: 0, tx_bytes: 0, rx_bytes, flows: 0 };
}
