-- What is being forgotten, so that whoever is killed goes on. Gone with the last of it: afterwards nobody knows what it was.
CREATE TABLE forgetting (
    -- Its row in `forgotten`.
    note INTEGER PRIMARY KEY,
    -- In the query language, with times that need no clock.
    query TEXT NOT NULL,
    -- When it was asked.
    at_ms INTEGER NOT NULL
) STRICT;
