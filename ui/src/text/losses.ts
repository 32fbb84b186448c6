/** What lost events mean for a person. */

import { m } from "../paraglide/messages.js";

/** What is less than it should be, by what the daemon calls the loss. Kinds that are not here are told by their name alone. */
const MEANS: readonly [says: () => string, kinds: readonly string[]][] = [
  [m.losses_bytes, ["calls_not_counted"]],
  [m.losses_programs, ["process_events", "executed_file_queue_overflows", "executed_files_closed_early"]],
  [m.losses_owners, ["flows_without_owner", "sockets_without_cell"]],
  [m.losses_peers, ["flows_kept_by_owner_only", "flows_forgotten_early", "datagrams_without_peer", "history_rows_merged"]],
  [m.losses_names, ["names_not_read", "names_said_too_often", "names_forgotten_early"]],
  [
    m.losses_changes,
    [
      "mount_lists_postponed",
      "mounts_not_watched",
      "findings_not_kept",
      "files_not_watched",
      "changed_file_queue_overflows",
      "processes_not_inspected",
    ],
  ],
];

/** The kinds of which something was lost, with how often. */
export function lostOf(losses: Readonly<Record<string, number>>): [kind: string, count: number][] {
  return Object.entries(losses).filter(([, count]) => count > 0);
}

/** A sentence for each thing that these losses make less sure. */
export function meaningOf(lost: readonly [kind: string, count: number][]): string[] {
  const said = MEANS.filter(([, kinds]) => lost.some(([kind]) => kinds.includes(kind)));
  return said.length === 0 ? [m.losses_other()] : said.map(([says]) => says());
}
