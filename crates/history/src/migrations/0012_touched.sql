-- Of what something was deleted since a forgetting began, noted with each of its steps: whoever goes on with it knows what may have nothing
-- left. Gone when that is decided.
CREATE TABLE forgetting_application (
    application_id INTEGER NOT NULL REFERENCES application,
    -- Its row in `forgotten`.
    note INTEGER NOT NULL,
    PRIMARY KEY (application_id, note)
) STRICT, WITHOUT ROWID;

CREATE TABLE forgetting_domain (
    domain_id INTEGER NOT NULL REFERENCES domain,
    note INTEGER NOT NULL,
    PRIMARY KEY (domain_id, note)
) STRICT, WITHOUT ROWID;
