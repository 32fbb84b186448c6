-- Which rows of other recorders are in here, so that none is counted twice.
CREATE TABLE import (
    id INTEGER PRIMARY KEY,
    -- The source: two that are the same in all of this are one.
    recorder TEXT NOT NULL,
    source_rows INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    source_bytes INTEGER NOT NULL,
    -- How many of its rows were told, and the time of the last of them that was believed; NULL before there is one.
    told INTEGER NOT NULL CHECK (told >= 0),
    until_ms INTEGER,
    added INTEGER NOT NULL CHECK (added >= 0),
    at_ms INTEGER NOT NULL,
    UNIQUE (recorder, source_rows, first_ms, last_ms, source_bytes)
) STRICT;
