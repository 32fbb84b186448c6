-- Version 2: how much of a daemon's journal the rows hold, written in the transaction that writes them. At most one row.
CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    journal INTEGER NOT NULL,
    epoch INTEGER NOT NULL
) STRICT;
