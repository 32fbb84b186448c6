import { expect, test } from "vitest";

import type { Evidence, ForeignCode, ProcessEvidence, Provenance } from "../bindings/evidence";
import { evidenceLines } from "./evidence";

const PYTHON: Provenance = { state: "verified", of: { manager: "deb", name: "python3.11-minimal", version: "3.11.2-6" } };
const UNOWNED: Provenance = { state: "unowned" };

function process(path: string): ProcessEvidence {
  return { pid: 7, started: 1, uid: 0, path };
}

function preload(path: string): ForeignCode {
  return { kind: "preload", path, sha256: null, provenance: UNOWNED, since: 1 };
}

test.each<[Evidence, [string, string][]]>([
  [{}, []],
  [{ provenance: { ...PYTHON, state: "modified" } }, [["package", "deb python3.11-minimal 3.11.2-6, MODIFIED"]]],
  [{ provenance: { state: "unknown", of: "It was not looked at yet." } }, [["package", "not known: It was not looked at yet."]]],
  [
    { provenance: PYTHON, script: { path: "/opt/x.py", sha256: null }, code: UNOWNED },
    [
      ["package", "deb python3.11-minimal 3.11.2-6, verified"],
      ["runs", "x.py: no package owns it"],
    ],
  ],
  [
    {
      change: {
        kind: "replaced",
        at: 1,
        by: [process("/usr/bin/vim"), process("/usr/bin/bash")],
        provenance: UNOWNED,
        sha256: null,
      },
    },
    [["changed", "replaced by another file, by vim ← bash; now: no package owns it"]],
  ],
  [
    { change: { kind: "removed", at: 1, by: [], provenance: null, sha256: null } },
    [["changed", "removed, by whom is not known"]],
  ],
  [{ shared_with: ["script:/usr/bin/python3:/opt/x.py", "path:/opt/y"] }, [["used by", "x.py, y, too"]]],
  [
    { foreign_code: [preload("/tmp/x.so"), preload("/tmp/y.so")] },
    [["foreign", "by LD_PRELOAD /tmp/x.so: no package owns it and 1 more"]],
  ],
  [
    { foreign_code: [{ ...preload(""), kind: "anonymous", provenance: null }] },
    [["foreign", "memory without a file"]],
  ],
])("evidence %# is told in lines", (evidence, lines) => {
  expect(evidenceLines(evidence)).toEqual(lines);
});
