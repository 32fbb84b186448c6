/** What a finding rests on, in words for a person. Paths and reasons in them are hostile. */

import type { Finding, Provenance as Flat } from "../bindings/bindings";
import type { ChangeKind, Evidence, ForeignCodeKind, ProcessEvidence, Provenance } from "../bindings/evidence";
import { m } from "../paraglide/messages.js";
import { fileName } from "./hostile";
import { said } from "./said";

const CHANGES: Record<ChangeKind, () => string> = {
  written: m.review_written,
  replaced: m.review_replaced,
  removed: m.review_removed,
  attributes: m.review_attributes,
};

const FOREIGN: Record<ForeignCodeKind, () => string> = {
  preload: m.review_by_preload,
  audit: m.review_by_audit,
  "library-path": m.review_by_library_path,
  library: m.review_by_library,
  anonymous: m.review_by_anonymous,
};

/** How far a package vouches for a file: in full, in part, not, or nobody knows. */
export type Trust = "verified" | "modified" | "unchecked" | "unowned" | "unknown";

/** The evidence of a finding; the daemon's own JSON, so that its shape is known. */
export function evidenceOf(finding: Finding): Evidence {
  return finding.evidence === null ? {} : (JSON.parse(finding.evidence) as Evidence);
}

/** The content that a finding's file had, and what it has. */
export function contentsOf(finding: Finding): { before: string | null; after: string | null } {
  // Of a file that was changed on disk the finding has what was known to be in it.
  if (finding.kind === "changed-file") return { before: finding.sha256, after: evidenceOf(finding).change?.sha256 ?? null };
  return { before: finding.previous_sha256, after: finding.sha256 };
}

/** What was done to a file. */
export function changeWord(kind: ChangeKind): string {
  return CHANGES[kind]();
}

/** How foreign code came into a process. */
export function foreignWord(kind: ForeignCodeKind): string {
  return FOREIGN[kind]();
}

/** `deb curl 7.88.1-10, verified`. */
export function origin(provenance: Provenance | null): string {
  if (provenance === null) return m.not_known();
  switch (provenance.state) {
    case "unowned":
      return m.review_unowned();
    case "unknown":
      return m.review_unknown_because({ reason: said(provenance.of) });
    default: {
      const { manager, name, version } = provenance.of;
      return `${manager} ${name} ${version}, ${trustWord(provenance.state)}`;
    }
  }
}

/** The same of what the daemon tells of applications. */
export function flatOrigin(provenance: Flat | null): string {
  if (provenance === null) return m.not_known();
  const { package_manager: manager, package_name: name, package_version: version, reason } = provenance;
  if (name !== null) return `${[manager, name, version].filter(Boolean).join(" ")}, ${trustWord(trustOf(provenance.state))}`;
  return provenance.state === "unowned" ? m.review_unowned() : m.review_unknown_because({ reason: reason === null ? m.not_known() : said(reason) });
}

/** A word of the daemon as one of these. */
export function trustOf(state: string | undefined): Trust {
  return TRUSTS.find((trust) => trust === state) ?? "unknown";
}

/** The sign and the word of a package state. */
export function trustSign(trust: Trust): string {
  return { verified: "✓", modified: "▲", unchecked: "○", unowned: "◇", unknown: "?" }[trust];
}

/** What a package says of a file, in one or two words. */
export function trustWord(trust: Trust): string {
  return { verified: m.review_verified, modified: m.review_modified, unchecked: m.review_unchecked, unowned: m.review_no_package, unknown: m.not_known }[trust]();
}

/** `vim ← bash`; nothing where nobody is known. */
export function chain(processes: readonly ProcessEvidence[]): string {
  return processes.map((process) => (process.path === "" ? m.not_known() : fileName(process.path))).join(" ← ");
}

/** What weighs most, in one line for a list: nothing where the evidence says nothing. */
export function gist(finding: Finding): string {
  const { provenance, change, foreign_code: foreign = [], members = [] } = evidenceOf(finding);
  if (finding.detail !== null) return said(finding.detail);
  if (members.length > 0) return members.map((member) => fileName(member.path)).join(", ");
  const first = foreign[0];
  if (first) return [foreignWord(first.kind), fileName(first.path)].filter(Boolean).join(": ");
  if (change) return [changeWord(change.kind), chain(change.by)].filter(Boolean).join(" · ");
  return provenance ? origin(provenance) : "";
}

const TRUSTS: readonly Trust[] = ["verified", "modified", "unchecked", "unowned", "unknown"];
