/** The order of what waits for a person, and how a person moves in it. */

import type { Finding, Severity } from "../bindings/bindings";
import { evidenceOf } from "../text/evidence";

const RANK: Record<Severity, number> = { loud: 0, normal: 1, quiet: 2 };
const MINUTE = 60_000;

/** How long a finding can be put off. */
export const SNOOZES = ["15m", "1h", "tomorrow"] as const;
export type Snooze = (typeof SNOOZES)[number];

/** Loud ones first, then the newest. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.unix_ms - a.unix_ms || b.id - a.id);
}

/** Those that were put off, the soonest back first. */
export function snoozedOf(findings: readonly Finding[], nowMs: number): Finding[] {
  const untilMs = ({ snoozed_until_unix_ms: until }: Finding) => until ?? 0;
  return findings.filter((finding) => finding.state === "open" && untilMs(finding) > nowMs).sort((a, b) => untilMs(a) - untilMs(b));
}

/** What a person looks at: what they chose, or what took its place when it left. */
export function currentOf(findings: readonly Finding[], chosen: number | null, at: number): Finding | null {
  return findings.find((finding) => finding.id === chosen) ?? findings[Math.min(at, findings.length - 1)] ?? null;
}

/** Until when; tomorrow is eight in the morning of the next day, where the person is, as in the tray. */
export function untilOf(snooze: Snooze, nowMs: number): number {
  if (snooze === "15m") return nowMs + 15 * MINUTE;
  if (snooze === "1h") return nowMs + 60 * MINUTE;
  const morning = new Date(nowMs);
  morning.setDate(morning.getDate() + 1);
  morning.setHours(8, 0, 0, 0);
  return morning.getTime();
}

/** The applications that a decision about a finding is about; none where it can only be dismissed. */
export function applicationsOf(finding: Finding): string[] {
  if (finding.application !== null) return [finding.application];
  if (finding.kind !== "baseline") return [];
  return [...new Set((evidenceOf(finding).members ?? []).map((member) => member.application))];
}

/** Whether it leaves only when a person dismisses it. */
export function isDismissed(finding: Finding): boolean {
  return finding.application === null;
}
