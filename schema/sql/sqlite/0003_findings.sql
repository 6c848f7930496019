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

-- ---- findings ---------------------------------------------------------------------------------------

-- What became of each, and what is still to be told of it.

-- `subject` is JSON: service, method and path, place and name of a field, what else tells it apart. The
-- fingerprint is a hash of rule and subject. `found_*` are evaluations, `shown_*` calls, `since_ns` is when
-- it came into its state.
CREATE TABLE finding (
    fingerprint    TEXT    PRIMARY KEY,
    rule           TEXT    NOT NULL,
    level          TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    message        TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    found_first_ns INTEGER NOT NULL,
    found_last_ns  INTEGER NOT NULL,
    shown_first_ns INTEGER NOT NULL,
    shown_last_ns  INTEGER NOT NULL,
    since_ns       INTEGER NOT NULL,
    ack_by         TEXT,
    ack_until_ns   INTEGER,
    ack_why        TEXT
) STRICT;

-- One row per sink and state of a finding: it waits while `delivered_ns` is NULL, then it is kept so that
-- it is not told again (0: it was dropped). `sink` is a kind and a hash, never an address with a secret.
CREATE TABLE notification (
    id           INTEGER PRIMARY KEY,
    sink         TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL REFERENCES finding (fingerprint) ON DELETE CASCADE,
    transition   TEXT    NOT NULL,
    since_ns     INTEGER NOT NULL,
    body         TEXT    NOT NULL,
    created_ns   INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    next_try_ns  INTEGER NOT NULL,
    delivered_ns INTEGER,
    UNIQUE (sink, fingerprint, transition, since_ns)
) STRICT;
CREATE INDEX notification_waiting ON notification (sink, id) WHERE delivered_ns IS NULL;
CREATE INDEX notification_finding ON notification (fingerprint);

CREATE VIEW finding_view AS
SELECT fingerprint, rule, level, state, json_extract(subject, '$.service') AS service,
       json_extract(subject, '$.method') AS method, json_extract(subject, '$.path') AS path, message,
       datetime(since_ns / 1000000000, 'unixepoch') AS since, ack_by, ack_why
FROM finding ORDER BY level, rule, service, path, method;

-- ---- specs ------------------------------------------------------------------------------------------

-- Specifications that people gave, in all versions that they gave. `services` is a JSON array of the names
-- that people said, `digest` is of what was given (hex), `model` is JSON of the form `model_version`.
CREATE TABLE spec (
    name          TEXT    NOT NULL,
    version       TEXT    NOT NULL,
    title         TEXT    NOT NULL,
    format        TEXT    NOT NULL,
    services      TEXT    NOT NULL,
    operations    INTEGER NOT NULL,
    digest        TEXT    NOT NULL,
    added_ns      INTEGER NOT NULL,
    model_version INTEGER NOT NULL,
    model         TEXT    NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;
