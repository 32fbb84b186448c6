-- Version 13: when somebody recorded. No two of these touch; what lies between them is time of which nobody knows what moved.
CREATE TABLE recorded (
    from_ms INTEGER PRIMARY KEY,
    until_ms INTEGER NOT NULL CHECK (until_ms > from_ms)
) STRICT;
-- Older files do not say it; what they hold shows on which days somebody did.
