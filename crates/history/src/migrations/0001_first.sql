-- Version 1. This file never changes; what comes later is a migration of its own.
--
-- Words, paths, addresses and chains of parents are stored once and named by a number. A number, once given, keeps its
-- meaning. Nothing here is 0 for "not known" but the two ports of `traffic`, which are part of a primary key.

-- Paths and command lines, byte for byte as they came.
CREATE TABLE text (
    id INTEGER PRIMARY KEY,
    value TEXT NOT NULL UNIQUE
) STRICT;

-- A path and the SHA-256 of what was executed under it: one path with two contents is two rows.
CREATE TABLE executable (
    id INTEGER PRIMARY KEY,
    path_id INTEGER NOT NULL REFERENCES text (id),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    UNIQUE (path_id, sha256)
) STRICT;

-- Chains of parents as a tree: a row is an executable with the chain that started it. NULL above the first process, and
-- where the parent is not known.
CREATE TABLE lineage (
    id INTEGER PRIMARY KEY,
    executable_id INTEGER NOT NULL REFERENCES executable (id),
    parent_id INTEGER REFERENCES lineage (id)
) STRICT;
CREATE UNIQUE INDEX lineage_identity ON lineage (executable_id, ifnull(parent_id, 0));

-- What a person reviews. `reviewed_by` (a uid) and `reviewed_ms` belong to the last review, also when it was a reset.
CREATE TABLE application (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    review TEXT NOT NULL DEFAULT 'unreviewed' CHECK (review IN ('unreviewed', 'approved', 'ignored')),
    reviewed_by INTEGER,
    reviewed_ms INTEGER,
    CHECK ((reviewed_by IS NULL) = (reviewed_ms IS NULL))
) STRICT;

-- Which user's use of an application showed which executable, and when. By uid, so that nobody learns from it what
-- another user runs.
CREATE TABLE sighting (
    application_id INTEGER NOT NULL REFERENCES application (id),
    executable_id INTEGER NOT NULL REFERENCES executable (id),
    uid INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (application_id, executable_id, uid)
) STRICT, WITHOUT ROWID;

-- 4 bytes are IPv4, 16 are IPv6, in network order.
CREATE TABLE address (
    id INTEGER PRIMARY KEY,
    value BLOB NOT NULL UNIQUE CHECK (length(value) IN (4, 16))
) STRICT;

-- Who moved bytes: everything about the local side that stays the same from bucket to bucket.
CREATE TABLE actor (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL CHECK (owner IN ('program', 'kernel', 'unattributed')),
    reason TEXT,
    lineage_id INTEGER REFERENCES lineage (id),
    application_id INTEGER REFERENCES application (id),
    command_id INTEGER REFERENCES text (id),
    uid INTEGER NOT NULL,
    network_namespace INTEGER NOT NULL,
    CHECK ((owner = 'unattributed') = (reason IS NOT NULL)),
    CHECK ((owner = 'program') = (lineage_id IS NOT NULL)),
    CHECK ((owner = 'program') = (application_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX actor_identity ON actor (
    ifnull(lineage_id, 0), ifnull(command_id, 0), uid, network_namespace, ifnull(application_id, 0), owner, ifnull(reason, '')
);

-- With whom, and as what: everything about the other side but the ports, which change with each connection.
CREATE TABLE peer (
    id INTEGER PRIMARY KEY,
    protocol TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('outbound', 'inbound', 'unknown')),
    local_address_id INTEGER REFERENCES address (id),
    remote_address_id INTEGER REFERENCES address (id),
    service_port INTEGER CHECK (service_port BETWEEN 0 AND 65535)
) STRICT;
CREATE UNIQUE INDEX peer_identity ON peer (
    ifnull(remote_address_id, 0), ifnull(service_port, -1), ifnull(local_address_id, 0), protocol, direction
);

-- Intervals of the wall clock. The width is stored, for it may change with the configuration; at most a day.
CREATE TABLE bucket (
    id INTEGER PRIMARY KEY,
    start_ms INTEGER NOT NULL UNIQUE,
    width_ms INTEGER NOT NULL CHECK (width_ms BETWEEN 1 AND 86400000)
) STRICT;

-- What was moved. A port is 0 where the side has none or is not known. The two times count from the start of the bucket.
CREATE TABLE traffic (
    bucket_id INTEGER NOT NULL REFERENCES bucket (id),
    actor_id INTEGER NOT NULL REFERENCES actor (id),
    peer_id INTEGER NOT NULL REFERENCES peer (id),
    local_port INTEGER NOT NULL CHECK (local_port BETWEEN 0 AND 65535),
    remote_port INTEGER NOT NULL CHECK (remote_port BETWEEN 0 AND 65535),
    tx_bytes INTEGER NOT NULL CHECK (tx_bytes >= 0),
    rx_bytes INTEGER NOT NULL CHECK (rx_bytes >= 0),
    flows INTEGER NOT NULL CHECK (flows >= 0),
    first_offset_ms INTEGER NOT NULL,
    last_offset_ms INTEGER NOT NULL,
    PRIMARY KEY (bucket_id, actor_id, peer_id, local_port, remote_port)
) STRICT, WITHOUT ROWID;

-- What a person should know. Without `application_id` it is about the daemon itself. A number is never given twice.
CREATE TABLE finding (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'ignored')),
    at_ms INTEGER NOT NULL,
    uid INTEGER,
    application_id INTEGER REFERENCES application (id),
    executable_id INTEGER REFERENCES executable (id),
    previous_sha256 BLOB CHECK (length(previous_sha256) = 32),
    parent_executable_id INTEGER REFERENCES executable (id),
    remote_address_id INTEGER REFERENCES address (id),
    remote_port INTEGER CHECK (remote_port BETWEEN 0 AND 65535),
    detail TEXT,
    answered_by INTEGER,
    answered_ms INTEGER,
    CHECK ((remote_address_id IS NULL) = (remote_port IS NULL)),
    CHECK ((answered_by IS NULL) = (answered_ms IS NULL))
) STRICT;
CREATE INDEX finding_newest ON finding (at_ms, id);
CREATE INDEX finding_open ON finding (application_id) WHERE state = 'open';
