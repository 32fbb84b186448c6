-- Version 3: where the owner ran. NULL where its cgroup names no unit or no container, and in what was written before.
ALTER TABLE actor ADD COLUMN unit_id INTEGER REFERENCES text (id);
ALTER TABLE actor ADD COLUMN container_id INTEGER REFERENCES text (id);
DROP INDEX actor_identity;
CREATE UNIQUE INDEX actor_identity ON actor (
    ifnull(lineage_id, 0), ifnull(command_id, 0), uid, network_namespace, ifnull(application_id, 0), owner, ifnull(reason, ''),
    ifnull(unit_id, 0), ifnull(container_id, 0)
);
