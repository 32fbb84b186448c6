import type { Finding } from "../../bindings/bindings";
import type { ChangeEvidence, Evidence, Member, ProcessEvidence } from "../../bindings/evidence";
import { HOSTILE, actorsOf, hash } from "./live";
import type { Scene } from "./scenes";

const LOST = "12 process events were lost: some traffic may lack its owner. The status shows all losses by kind.";

/** What waits for a person. */
export function findingsOf(scene: Scene, nowMs: number): Finding[] {
  if (scene === "quiet") return [];
  const open = actorsOf(scene)
    .filter((actor) => actor.review === "unreviewed")
    .map((actor, index) => ({
      ...blank(index + 1, nowMs - 40_000 * (index + 1)),
      kind: index === 1 ? "changed-executable" : "new-application",
      severity: index === 1 ? ("loud" as const) : ("normal" as const),
      application: `path:${actor.path}`,
      path: actor.path,
      sha256: hash(actor.path),
      previous_sha256: index === 1 ? hash(`old ${actor.path}`) : null,
      parent_path: actor.parent,
      uid: actor.uid,
      remote: index === 0 ? "151.101.2.132:443" : "[2a04:4e42::644]:443",
      remote_name: "deb.debian.org",
      remote_name_inferred: index !== 0,
      evidence: JSON.stringify(index === 1 ? modified(actor.path, actor.parent, nowMs) : unowned(actor.path, actor.parent, nowMs)),
    }));
  return scene === "busy" ? [...open, ...groups(nowMs)] : open;
}

/** What was answered before, the newest first. */
export function answeredOf(scene: Scene, nowMs: number): Finding[] {
  const KINDS = ["new-application", "changed-file", "upgraded", "new-application", "lost-events"];
  return actorsOf(scene).flatMap((actor, who) =>
    [0, 1, 2].map((round) => {
      const kind = KINDS[(who + round) % KINDS.length] ?? "new-application";
      const at = nowMs - 86_400_000 * (0.3 + who * 0.6 + round * 9);
      const about = kind === "upgraded" || kind === "lost-events" ? {} : { application: `path:${actor.path}`, path: actor.path, sha256: hash(actor.path), uid: actor.uid };
      return {
        ...blank(900 + who * 10 + round, at),
        ...about,
        kind,
        severity: kind === "changed-file" ? ("loud" as const) : ("normal" as const),
        state: kind === "lost-events" || who % 3 === 2 ? ("ignored" as const) : ("approved" as const),
        detail: kind === "lost-events" ? LOST : null,
        evidence: kind === "upgraded" ? JSON.stringify(MEMBERS) : kind === "changed-file" ? JSON.stringify({ change: changed(actor.path, at) }) : null,
        answered_by: who % 2 === 0 ? 1000 : 0,
        answered_unix_ms: at + 900_000 * (round + 1),
      };
    }),
  ).sort((a, b) => b.unix_ms - a.unix_ms);
}

/** What was put off. */
export function snoozedOf(scene: Scene, nowMs: number): Finding[] {
  if (scene !== "busy") return [];
  const [path, parent] = ["/home/alice/bin/sync-notes", "/usr/bin/bash"];
  const about = { application: `path:${path}`, path, sha256: hash(path), parent_path: parent, uid: 1000, evidence: JSON.stringify(unowned(path, parent, nowMs)) };
  return [
    { ...blank(31, nowMs - 9_600_000), ...about, snoozed_until_unix_ms: nowMs + 1_860_000 },
    { ...blank(32, nowMs - 40_000_000), kind: "self-test-failed", severity: "loud", snoozed_until_unix_ms: nowMs + 52_000_000, detail: "known bytes through loopback: tcp-ipv4 moved 65536, counted 65536 sent and 65024 received" },
  ];
}

function groups(nowMs: number): Finding[] {
  const by = { process: step("/usr/bin/dpkg", 0, nowMs, "dpkg --unpack --auto-deconfigure"), parents: [step("/usr/bin/apt-get", 0, nowMs, "apt-get upgrade -y"), step("/usr/bin/bash", 0, nowMs)] };
  return [
    { ...blank(21, nowMs - 3_700_000), kind: "upgraded", severity: "quiet", evidence: JSON.stringify({ ...MEMBERS, ...by }) },
    { ...blank(22, nowMs - 7_300_000), kind: "baseline", evidence: JSON.stringify({ members: MEMBERS.members?.map((member) => ({ ...member, before: null })) }) },
    { ...blank(23, nowMs - 9_000_000), kind: "lost-events", times: 3, detail: LOST },
  ];
}

function unowned(path: string, parent: string, nowMs: number): Evidence {
  return { provenance: { state: "unowned" }, process: step(path, 1000, nowMs, `${path} --silent https://deb.debian.org/`), parents: [step(parent, 1000, nowMs, "-bash"), step("/usr/bin/gnome-terminal-server", 1000, nowMs)] };
}

function modified(path: string, parent: string, nowMs: number): Evidence {
  const of = { manager: "deb", name: "openssh-client", version: "1:9.2p1-2" } as const;
  return {
    provenance: { state: "modified", of },
    process: step(path, 0, nowMs),
    parents: [step(parent, 0, nowMs)],
    change: { ...changed(path, nowMs - 95_000), provenance: { state: "modified", of } },
    foreign_code: [{ kind: "preload", path: HOSTILE[0] ?? "", sha256: null, provenance: { state: "unowned" }, since: nowMs - 90_000 }],
    shared_with: ["path:/opt/updater/bin/updater-cli"],
  };
}

function changed(path: string, at: number): ChangeEvidence {
  const by = [step("/usr/bin/vim", 0, at, `vim ${path}`), step("/usr/bin/bash", 1000, at, "-bash"), step("/usr/sbin/sshd", 0, at)];
  return { kind: "replaced", at, by, provenance: { state: "unowned" }, sha256: hash(`new ${path}`) };
}

function step(path: string, uid: number, nowMs: number, command_line?: string): ProcessEvidence {
  return { pid: 1000 + (path.length * 97) % 9000, started: nowMs - 120_000 - path.length * 60_000, uid, path, ...(command_line === undefined ? {} : { command_line }) };
}

const MEMBERS: Evidence = {
  members: ["/usr/lib/firefox/firefox", "/usr/bin/wget", "/usr/bin/git", "/usr/lib/git-core/git-remote-http", "/usr/bin/gpg", "/usr/bin/dirmngr", "/usr/sbin/ntpd", "/usr/bin/python3.11"].map(
    (path): Member => ({
      application: `path:${path}`,
      uid: 0,
      path,
      before: hash(`old ${path}`),
      after: hash(path),
      provenance: { state: "verified", of: { manager: "deb", name: path.split("/").at(-1) ?? "", version: "2.39.5-0" } },
    }),
  ),
};

function blank(id: number, atMs: number): Finding {
  return {
    id, kind: "new-application", severity: "normal", state: "open", unix_ms: atMs, updated_unix_ms: atMs, times: 1,
    snoozed_until_unix_ms: null, answered_by: null, answered_unix_ms: null, application: null, path: null, sha256: null, previous_sha256: null,
    parent_path: null, uid: null, remote: null, remote_name: null, remote_name_inferred: false, detail: null, evidence: null,
  };
}
