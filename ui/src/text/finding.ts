/** The words for a finding. */

import type { Finding, Severity } from "../bindings/bindings";

const TITLES: Record<string, string> = {
  "new-application": "New application",
  "changed-executable": "Changed application",
  "changed-file": "Changed file",
  upgraded: "Upgraded",
  "foreign-code": "Foreign code",
  unidentified: "Program that cannot be identified",
  baseline: "Learned in the first hours",
  "lost-events": "Events were lost",
  "self-test-failed": "The self-test failed",
  "unbalanced-ledger": "The ledger does not balance",
  "history-damaged": "The history was damaged",
  "history-not-written": "The history could not be written",
};

const SIGNS: Record<Severity, string> = { loud: "▲", normal: "◆", quiet: "◇" };

/** What it is, and how much it should disturb where that is not as usual: `▲ Changed file (loud)`. */
export function title({ kind, severity }: Finding): string {
  const loudness = severity === "normal" ? "" : ` (${severity})`;
  return `${SIGNS[severity]} ${TITLES[kind] ?? "Finding"}${loudness}`;
}

/** `example.org (192.0.2.1:443)`; `~` before a name that may as well be another one. */
export function namedRemote(remote: string, name: string | null, inferred: boolean): string {
  return name === null ? remote : `${inferred ? "~" : ""}${name} (${remote})`;
}
