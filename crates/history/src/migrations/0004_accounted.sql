-- Version 4: how many of the bytes that the kernel's tables counted the rows hold: what a daemon had accounted for, less what waits
-- for a later transaction. A daemon that finds the tables without a journal knows from it how much is missing.
ALTER TABLE checkpoint ADD COLUMN tables INTEGER NOT NULL DEFAULT 0;
ALTER TABLE checkpoint ADD COLUMN accounted_tx INTEGER NOT NULL DEFAULT 0;
ALTER TABLE checkpoint ADD COLUMN accounted_rx INTEGER NOT NULL DEFAULT 0;
ALTER TABLE checkpoint ADD COLUMN waiting_tx INTEGER NOT NULL DEFAULT 0;
ALTER TABLE checkpoint ADD COLUMN waiting_rx INTEGER NOT NULL DEFAULT 0;
