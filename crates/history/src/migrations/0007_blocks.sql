-- Version 7: what moved stands in blocks, which `block/` reads and writes. Their width is stored, for that of buckets may change with the
-- configuration; at most a day. Blocks of one interval add up.
CREATE TABLE block (
    -- Each level has numbers of its own, the finest the greatest, so that its blocks lie together and their room is free when they go.
    id INTEGER PRIMARY KEY,
    -- 0 bucket, 1 minute, 2 hour, 3 day.
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 3),
    start_ms INTEGER NOT NULL,
    part INTEGER NOT NULL CHECK (part >= 0),
    width_ms INTEGER NOT NULL CHECK (width_ms BETWEEN 1 AND 86400000),
    rows INTEGER NOT NULL CHECK (rows > 0),
    -- The same as sums of each actor, of hours and days: most questions read nothing else. NULL: not summed.
    actors BLOB,
    data BLOB NOT NULL,
    UNIQUE (level, start_ms, part)
) STRICT;

-- Up to where the blocks of a level are the sum of all that was ever written; none of it reaches further.
CREATE TABLE closed (
    level INTEGER PRIMARY KEY CHECK (level BETWEEN 1 AND 3),
    until_ms INTEGER NOT NULL
) STRICT;

-- Before when blocks of a level were deleted because they were old: what starts earlier is at most a part of what there was.
CREATE TABLE deleted (
    level INTEGER PRIMARY KEY CHECK (level BETWEEN 0 AND 3),
    before_ms INTEGER NOT NULL
) STRICT;
