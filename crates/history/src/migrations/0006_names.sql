-- Version 6: what the other side is called, where it belongs, and what is spoken with it. NULL where that is not known, and in
-- what was written before.

-- Names, and the part of each that somebody registered, as the newest list of public suffixes has it.
CREATE TABLE domain (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    registrable TEXT
) STRICT;

-- Autonomous systems, by their newest name.
CREATE TABLE network (
    asn INTEGER PRIMARY KEY,
    name TEXT
) STRICT;

-- Where addresses belong: the past keeps its place when an address gets another.
CREATE TABLE place (
    id INTEGER PRIMARY KEY,
    range TEXT NOT NULL,
    country TEXT,
    asn INTEGER REFERENCES network (asn)
) STRICT;
CREATE UNIQUE INDEX place_identity ON place (range, ifnull(country, ''), ifnull(asn, -1));

ALTER TABLE peer ADD COLUMN domain_id INTEGER REFERENCES domain (id);
-- How the name is known, and whether it may as well be another one.
ALTER TABLE peer ADD COLUMN name_source TEXT CHECK ((name_source IS NULL) = (domain_id IS NULL));
ALTER TABLE peer ADD COLUMN name_inferred INTEGER NOT NULL DEFAULT 0 CHECK (name_inferred = 0 OR domain_id IS NOT NULL);
ALTER TABLE peer ADD COLUMN place_id INTEGER REFERENCES place (id);
-- The protocol that the bytes told.
ALTER TABLE peer ADD COLUMN recognised TEXT;
DROP INDEX peer_identity;
CREATE UNIQUE INDEX peer_identity ON peer (
    ifnull(remote_address_id, 0), ifnull(service_port, -1), ifnull(local_address_id, 0), protocol, direction,
    ifnull(domain_id, 0), ifnull(name_source, ''), name_inferred, ifnull(place_id, 0), ifnull(recognised, '')
);

-- What the remote side of a finding was called.
ALTER TABLE finding ADD COLUMN remote_domain_id INTEGER REFERENCES domain (id);
ALTER TABLE finding ADD COLUMN remote_name_source TEXT CHECK ((remote_name_source IS NULL) = (remote_domain_id IS NULL));
ALTER TABLE finding ADD COLUMN remote_name_inferred INTEGER NOT NULL DEFAULT 0;
