-- How long learning has lasted: no label of a clock says that, which may have been set since it began.
ALTER TABLE learning ADD COLUMN learned_ms INTEGER NOT NULL DEFAULT 0 CHECK (learned_ms >= 0);
