import type { Finding } from "../../bindings/bindings";
import type { Evidence } from "../../bindings/evidence";
import { HOSTILE, actorsOf, hash } from "./live";
import type { Scene } from "./scenes";

const UNOWNED: Evidence = { provenance: { state: "unowned" } };
const MODIFIED: Evidence = {
  provenance: { state: "modified", of: { manager: "deb", name: "openssh-client", version: "1:9.2p1-2" } },
  foreign_code: [{ kind: "preload", path: HOSTILE[0] ?? "", sha256: null, provenance: { state: "unowned" }, since: 0 }],
};

/** What waits for a person. */
export function findingsOf(scene: Scene, nowMs: number): Finding[] {
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
