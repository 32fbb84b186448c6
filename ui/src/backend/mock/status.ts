import type { Status } from "../../bindings/bindings";
import type { WindowEvent } from "../../bindings/desktop";
import type { Scene } from "./scenes";

/** How the app stands with the daemon. */
export function linkOf(scene: Scene): WindowEvent {
  if (scene === "connecting") return { event: "link", state: "connecting", reason: null };
  if (scene === "gone") {
    const reason = "Portolan's daemon is not running, so nothing is recorded. Start it with “systemctl start portoland”.";
    return { event: "link", state: "gone", reason };
  }
  if (scene === "denied") {
    const reason =
      "You are not allowed to see the traffic of this machine. Ask its administrator to add you to the group “portolan”, then log in again. (polkit does not allow user 1000 to see network traffic (org.portolan.view-own). Members of the group portolan in a local session may, and root.)";
    return { event: "link", state: "denied", reason };
  }
  return { event: "link", state: "up", reason: null };
}

const DAY_MS = 86_400_000;

/** What the daemon says of itself. */
export function statusOf(scene: Scene, nowMs: number): Status {
  const reduced = scene === "reduced";
  return {
    version: "0.1.0",
    state: reduced ? "reduced" : "recording",
    notes: reduced ? ["The kernel has no hook for sent datagrams: they are counted per socket only."] : [],
    access: reduced ? "own" : "all",
    started_unix_ms: nowMs - DAY_MS,
    self_test: { state: "passed", detail: "Moved 1 MB, counted 1 MB.", checked_unix_ms: nowMs - 86_400_000, parts: [] },
    counting: "by the kernel's tracepoints, in the call that moves the bytes.",
    hooks: [],
    attribution: { total: 10_000_000, attributed: 9_990_000, kernel: 8_000, unattributed: { "process-gone": 2_000 }, excluded: 0, pending: 0 },
    ledger: { state: "balanced", truth: 10_000_000, protocols: [], self_test: 0, difference: 0 },
    network: { problem: null, lines: [] },
    losses: { executed_files_closed_early: reduced ? 12 : 0, names_not_read: reduced ? 3 : 0 },
    history: { path: "/var/lib/portolan/history.sqlite", size_bytes: 212_000_000, first_unix_ms: scene === "quiet" ? null : nowMs - 1e10, problem: null },
    resources: { cpu_ms: 86_400, pss_bytes: 14_200_000, sockets: 120, processes: 240, process_events: 9_000 },
    unreviewed: 2,
    learning_until_unix_ms: scene === "quiet" ? nowMs + 50_400_000 : reduced ? nowMs + 41_000_000 : null,
  };
}
