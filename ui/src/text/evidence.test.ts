import { expect, test } from "vitest";

import type { Finding } from "../bindings/bindings";
import type { ChangeEvidence, Evidence, ForeignCode, ProcessEvidence, Provenance } from "../bindings/evidence";
import { chain, contentsOf, flatOrigin, gist, origin } from "./evidence";

const CURL: Provenance = { state: "verified", of: { manager: "deb", name: "curl", version: "7.88.1-10" } };
const UNOWNED: Provenance = { state: "unowned" };

function process(path: string): ProcessEvidence {
  return { pid: 7, started: 1, uid: 0, path };
}

function preload(path: string): ForeignCode {
  return { kind: "preload", path, sha256: null, provenance: UNOWNED, since: 1 };
}

function resting(evidence: Evidence | null, detail: string | null = null): Finding {
  return { evidence: evidence === null ? null : JSON.stringify(evidence), detail } as Finding;
}

test.each<[Provenance | null, string]>([
  [null, "not known"],
  [UNOWNED, "no package owns it"],
  [{ state: "unknown", of: "It was not looked at yet." }, "not known: It was not looked at yet."],
  [CURL, "deb curl 7.88.1-10, as the package ships it"],
  [{ ...CURL, state: "modified" }, "deb curl 7.88.1-10, MODIFIED: not what the package ships"],
])("an origin %# is said in words", (provenance, words) => {
  expect(origin(provenance)).toBe(words);
  const flat = { package_manager: null, package_name: null, package_version: null, reason: null };
  if (provenance === null) expect(flatOrigin(null)).toBe(words);
  else if (provenance.state === "unowned") expect(flatOrigin({ ...flat, state: "unowned" })).toBe(words);
  else if (provenance.state === "unknown") expect(flatOrigin({ ...flat, state: "unknown", reason: provenance.of })).toBe(words);
  else {
    const { manager, name, version } = provenance.of;
    expect(flatOrigin({ state: provenance.state, package_manager: manager, package_name: name, package_version: version, reason: null })).toBe(words);
  }
});

test("a chain begins with the nearest, and says where nobody is known", () => {
  expect(chain([process("/usr/bin/vim"), process(""), process("/usr/bin/bash")])).toBe("vim ← not known ← bash");
});

test.each<[Finding, string]>([
  [resting(null), ""],
  [resting(null, "12 events were lost."), "12 events were lost."],
  [resting({ provenance: UNOWNED }), "no package owns it"],
  [resting({ provenance: UNOWNED, foreign_code: [preload("/tmp/x.so")] }), "by LD_PRELOAD: x.so"],
  [resting({ foreign_code: [{ ...preload(""), kind: "anonymous" }] }), "memory without a file"],
  [resting({ change: { kind: "replaced", at: 1, by: [process("/usr/bin/vim")], provenance: null, sha256: null } }), "replaced by another file · vim"],
])("the gist of %# is its weightiest part", (finding, words) => expect(gist(finding)).toBe(words));

test("of a changed file its finding has the content before, of a changed application the content now", () => {
  const change: ChangeEvidence = { kind: "written", at: 1, by: [], provenance: null, sha256: "cc" };
  const known = { ...resting({ change }), sha256: "aa", previous_sha256: null };
  expect(contentsOf({ ...known, kind: "changed-file" })).toEqual({ before: "aa", after: "cc" });
  expect(contentsOf({ ...known, kind: "changed-executable", previous_sha256: "bb" })).toEqual({ before: "bb", after: "aa" });
  expect(contentsOf({ ...known, kind: "new-application" })).toEqual({ before: null, after: "aa" });
});
