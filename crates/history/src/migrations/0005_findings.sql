-- Version 5: what a finding rests on and how it stands, where executables come from, scripts, and when learning was.

-- How loud; what was decided before this version by the desktop.
ALTER TABLE finding ADD COLUMN severity TEXT NOT NULL DEFAULT 'normal' CHECK (severity IN ('quiet', 'normal', 'loud'));
UPDATE finding SET severity = 'loud' WHERE kind = 'changed-executable';
-- JSON, see portolan_core::Evidence, without its members; NULL when empty.
ALTER TABLE finding ADD COLUMN evidence TEXT;
-- What it is about, within its kind: what is found again about the same is the same row. NULL: never the same.
ALTER TABLE finding ADD COLUMN subject TEXT;
UPDATE finding SET subject = application_id || ' ' || executable_id || ' ' || uid WHERE application_id IS NOT NULL;
CREATE INDEX finding_subject ON finding (subject, kind) WHERE subject IS NOT NULL;
-- How often it was found, and when last. `at_ms` is when it was found first, or when what it rests on became another.
ALTER TABLE finding ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
ALTER TABLE finding ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;
UPDATE finding SET updated_ms = at_ms;
-- An open finding that a person does not want to see before then.
ALTER TABLE finding ADD COLUMN snoozed_until_ms INTEGER;

-- What a finding about several applications is about. By uid, so that nobody learns from it what another user runs.
CREATE TABLE finding_member (
    finding_id INTEGER NOT NULL REFERENCES finding (id),
    uid INTEGER NOT NULL,
    application_id INTEGER NOT NULL REFERENCES application (id),
    executable_id INTEGER NOT NULL REFERENCES executable (id),
    previous_sha256 BLOB CHECK (length(previous_sha256) = 32),
    PRIMARY KEY (finding_id, uid, application_id, executable_id)
) STRICT, WITHOUT ROWID;

-- Where it comes from, and when that was first seen to be so. NULL where nobody looked. `provenance_reason` is why it is unknown.
ALTER TABLE executable ADD COLUMN provenance TEXT;
ALTER TABLE executable ADD COLUMN package_manager TEXT;
ALTER TABLE executable ADD COLUMN package_name TEXT;
ALTER TABLE executable ADD COLUMN package_version TEXT;
ALTER TABLE executable ADD COLUMN provenance_reason TEXT;
ALTER TABLE executable ADD COLUMN provenance_ms INTEGER;

-- The script that an interpreter runs: NULL where there is none, its hash NULL where it could not be read.
ALTER TABLE lineage ADD COLUMN script_path_id INTEGER REFERENCES text (id);
ALTER TABLE lineage ADD COLUMN script_sha256 BLOB CHECK (length(script_sha256) = 32);
DROP INDEX lineage_identity;
CREATE UNIQUE INDEX lineage_identity ON lineage (
    executable_id, ifnull(parent_id, 0), ifnull(script_path_id, 0), ifnull(script_sha256, x'')
);
-- A script is a content of its application, too; 1 for those.
ALTER TABLE sighting ADD COLUMN is_script INTEGER NOT NULL DEFAULT 0;

-- When the daemon began to learn what talks on this machine, and when it ended. At most one row. Who was told about each
-- application one by one has nothing left to learn.
CREATE TABLE learning (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    began_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT;
INSERT INTO learning SELECT 1, min(first_ms), min(first_ms) FROM sighting HAVING count(*) > 0;
