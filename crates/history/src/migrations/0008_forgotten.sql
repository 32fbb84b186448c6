-- Version 8: that somebody had something forgotten, and how much; never what.
CREATE TABLE forgotten (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    -- Rows that blocks lost, and by how many bytes these became smaller.
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
