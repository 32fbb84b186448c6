import type { Finding } from "../../bindings/bindings";
import { fits } from "../../text/search";

/** What a person can keep of the timeline. */
export const SHOWS = ["all", "new", "changes", "portolan"] as const;
export type Show = (typeof SHOWS)[number];

const KINDS: Record<Exclude<Show, "all">, readonly string[]> = {
  new: ["new-application", "baseline", "unidentified"],
  changes: ["changed-executable", "changed-file", "upgraded", "foreign-code"],
  portolan: ["lost-events", "self-test-failed", "unbalanced-ledger", "history-damaged", "history-not-written"],
};

/** A day of findings, where the person is. */
export interface Day {
  startMs: number;
  findings: Finding[];
}

/** The findings that a person wants, by day, the newest first. */
export function byDay(findings: readonly Finding[], show: Show, words: string): Day[] {
  const days: Day[] = [];
  const wanted = findings.filter((finding) => (show === "all" || KINDS[show].includes(finding.kind)) && fits(textsOf(finding), words));
  for (const finding of wanted.sort((a, b) => b.unix_ms - a.unix_ms)) {
    const startMs = startOfDay(finding.unix_ms);
    const day = days.at(-1);
    if (day?.startMs === startMs) day.findings.push(finding);
    else days.push({ startMs, findings: [finding] });
  }
  return days;
}

/** So many findings from the newest on, whole days or parts of them. */
export function firstOf(days: readonly Day[], count: number): Day[] {
  let left = count;
  return days.flatMap((day) => {
    const findings = day.findings.slice(0, Math.max(0, left));
    left -= findings.length;
    return findings.length === 0 ? [] : [{ ...day, findings }];
  });
}

/** The day's first moment, where the person is. */
export function startOfDay(unixMs: number): number {
  return new Date(unixMs).setHours(0, 0, 0, 0);
}

function textsOf({ application, path, sha256, previous_sha256, detail, evidence }: Finding): (string | null)[] {
  return [application, path, sha256, previous_sha256, detail, evidence];
}
