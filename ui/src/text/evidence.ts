/** What a finding rests on, as lines for a person. Paths and reasons in them are hostile. */

import type { Finding } from "../bindings/bindings";
import type { ChangeKind, Evidence, ForeignCodeKind, ProcessEvidence, Provenance } from "../bindings/evidence";
import { fileName } from "./hostile";

const CHANGES: Record<ChangeKind, string> = {
  written: "written to",
  replaced: "replaced by another file",
  removed: "removed",
  attributes: "given another mode or owner",
};

const FOREIGN: Record<ForeignCodeKind, string> = {
  preload: "by LD_PRELOAD",
  audit: "by LD_AUDIT",
  "library-path": "by LD_LIBRARY_PATH",
  library: "a library",
  anonymous: "memory without a file",
};

/** The evidence of a finding; the daemon's own JSON, so that its shape is known. */
export function evidenceOf(finding: Finding): Evidence {
  return finding.evidence === null ? {} : (JSON.parse(finding.evidence) as Evidence);
}

/** What weighs most, each with its label: where it comes from, who changed it, what code is in it that is not its own. */
export function evidenceLines(evidence: Evidence): [label: string, text: string][] {
  const { provenance, script, code, change, shared_with: sharing = [], foreign_code: foreign = [] } = evidence;
  const lines: [string, string][] = [];
  if (provenance) lines.push(["package", origin(provenance)]);
  if (script || code) lines.push(["runs", [script ? fileName(script.path) : "what", origin(code ?? null)].join(": ")]);
  if (change) {
    const now = change.provenance === null ? "" : `; now: ${origin(change.provenance)}`;
    lines.push(["changed", `${CHANGES[change.kind]}, ${by(change.by)}${now}`]);
  }
  if (sharing.length > 0) lines.push(["used by", `${sharing.map(fileName).join(", ")}, too`]);
  const first = foreign[0];
  if (first) {
    const file = first.path === "" ? "" : ` ${first.path}: ${origin(first.provenance)}`;
    const more = foreign.length > 1 ? ` and ${foreign.length - 1} more` : "";
    lines.push(["foreign", `${FOREIGN[first.kind]}${file}${more}`]);
  }
  return lines;
}

/** `deb curl 7.88.1-10, verified`. */
export function origin(provenance: Provenance | null): string {
  if (provenance === null) return "not known";
  switch (provenance.state) {
    case "unowned":
      return "no package owns it";
    case "unknown":
      return `not known: ${provenance.of}`;
    default: {
      const { manager, name, version } = provenance.of;
      const state = provenance.state === "modified" ? "MODIFIED" : provenance.state;
      return `${manager} ${name} ${version}, ${state}`;
    }
  }
}

/** `by vim ← bash`. */
function by(processes: readonly ProcessEvidence[]): string {
  if (processes.length === 0) return "by whom is not known";
  return `by ${processes.map((process) => fileName(process.path)).join(" ← ")}`;
}
