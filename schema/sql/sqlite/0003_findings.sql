-- What findings are made of: facts about credentials and sensitive data, specifications, findings and
-- their states. Same rules as before: sums, hulls, unions, and no value from traffic. Texts out of
-- specifications and policies are people's own and may stand here.

-- ---- traffic ----------------------------------------------------------------------------------------

-- First and last call that had the field. Of rows from before: those of the endpoint.
ALTER TABLE field ADD COLUMN first_ns INTEGER NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE field ADD COLUMN last_ns  INTEGER NOT NULL DEFAULT 0;
UPDATE field SET first_ns = (SELECT first_ns FROM endpoint WHERE id = endpoint_id),
                 last_ns = (SELECT last_ns FROM endpoint WHERE id = endpoint_id);

-- Calls answered with 2xx, and with 401 or 403. Of rows from before it is not known.
ALTER TABLE edge ADD COLUMN granted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE edge ADD COLUMN denied  INTEGER NOT NULL DEFAULT 0;

-- Calls of which something holds that a rule asks about.
CREATE TABLE sign (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    sign        TEXT    NOT NULL,
    calls       INTEGER NOT NULL,
    first_ns    INTEGER NOT NULL,
    last_ns     INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, sign)
) STRICT, WITHOUT ROWID;

-- Values of a field that were of a class of sensitive data.
CREATE TABLE data_class (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    place       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    class       TEXT    NOT NULL,
    count       INTEGER NOT NULL,
    first_ns    INTEGER NOT NULL,
    last_ns     INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, place, name, class)
) STRICT, WITHOUT ROWID;

-- Whom the credentials of an edge stand for: keyed hashes (16 hex digits), the smallest 16 of an edge.
CREATE TABLE edge_principal (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    peer_id     INTEGER NOT NULL REFERENCES peer (id),
    credential  TEXT    NOT NULL,
    principal   TEXT    NOT NULL,
    PRIMARY KEY (endpoint_id, peer_id, credential, principal)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_principal_peer ON edge_principal (peer_id);
