/** The words for a finding. */

import type { Finding, Severity } from "../bindings/bindings";
import { m } from "../paraglide/messages.js";
import { fileName } from "./hostile";

interface Words {
  title: () => string;
  /** What it means, in a sentence. */
  says: () => string;
}

const WORDS: Record<string, Words> = {
  "new-application": { title: m.review_new_application, says: m.review_new_application_says },
  "changed-executable": { title: m.review_changed_executable, says: m.review_changed_executable_says },
  "changed-file": { title: m.review_changed_file, says: m.review_changed_file_says },
  upgraded: { title: m.review_upgraded, says: m.review_upgraded_says },
  "foreign-code": { title: m.review_foreign_code, says: m.review_foreign_code_says },
  unidentified: { title: m.review_unidentified, says: m.review_unidentified_says },
  baseline: { title: m.review_baseline, says: m.review_baseline_says },
  "lost-events": { title: m.review_lost_events, says: m.review_lost_events_says },
  "self-test-failed": { title: m.review_self_test_failed, says: m.review_self_test_failed_says },
  "unbalanced-ledger": { title: m.review_unbalanced_ledger, says: m.review_unbalanced_ledger_says },
  "history-damaged": { title: m.review_history_damaged, says: m.review_history_damaged_says },
  "history-not-written": { title: m.review_history_not_written, says: m.review_history_not_written_says },
};

const SIGNS: Record<Severity, string> = { loud: "▲", normal: "◆", quiet: "◇" };

/** The sign of how much it should disturb. */
export function sign({ severity }: Finding): string {
  return SIGNS[severity];
}

/** All kinds that this page knows, by the daemon's words. */
export const KINDS: readonly string[] = Object.keys(WORDS);

/** What a kind is called; `null` for one that this page does not know. */
export function kindName(kind: string): string | null {
  return WORDS[kind]?.title() ?? null;
}

/** What it is. */
export function title({ kind }: Finding): string {
  return kindName(kind) ?? m.review_finding();
}

/** What that means; nothing for a kind that this page does not know. */
export function meaning({ kind }: Finding): string {
  return WORDS[kind]?.says() ?? "";
}

/** How much it should disturb, where that is not as usual. */
export function loudness({ severity }: Finding): string {
  if (severity === "loud") return m.review_loud();
  return severity === "quiet" ? m.review_quiet() : "";
}

/** What it is about, for a heading: the file's name, or what it is. Hostile. */
export function subject(finding: Finding): string {
  const path = finding.path ?? finding.application;
  return path === null || path === "" ? title(finding) : fileName(path);
}

/** `example.org (192.0.2.1:443)`; `~` before a name that may as well be another one. */
export function namedRemote(remote: string, name: string | null, inferred: boolean): string {
  return name === null ? remote : `${inferred ? "~" : ""}${name} (${remote})`;
}
