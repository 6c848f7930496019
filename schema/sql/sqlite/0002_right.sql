-- What makes the inventory right: evidence for templates, schemas of bodies, noise beside endpoints.
-- Same rules as before: sums, hulls, unions, and no value from traffic.

-- Noise beside the inventory, confirmed endpoints, duplicate delivery.

-- The number of the last delta of each run: one that comes again is not added again.
CREATE TABLE delivered (
    run_id   INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT;

-- `class` says which kind of calls a row sums; only those of class `found` are endpoints. `answered_*`
-- are the calls with a status below 400: their hull, and a bit of 64 per caller and per raw path.
-- `page` is NULL where no response had a body, a keyed hash of 32 bits where all had the same one, -1
-- where they differ. Foreign keys are off while a migration runs, so the rows that refer to endpoints
-- keep what they refer to.
DROP VIEW endpoint_view;
DROP VIEW edge_view;
CREATE TABLE endpoint_new (
    id                INTEGER PRIMARY KEY,
    service_id        INTEGER NOT NULL REFERENCES service (id),
    method            TEXT    NOT NULL,
    path              TEXT    NOT NULL,
    class             TEXT    NOT NULL,
    calls             INTEGER NOT NULL,
    first_ns          INTEGER NOT NULL,
    last_ns           INTEGER NOT NULL,
    request_bytes     INTEGER NOT NULL,
    response_bytes    INTEGER NOT NULL,
    answered_first_ns INTEGER NOT NULL,
    answered_last_ns  INTEGER NOT NULL,
    answered_callers  INTEGER NOT NULL,
    answered_paths    INTEGER NOT NULL,
    page              INTEGER,
    UNIQUE (service_id, method, path, class)
) STRICT;
-- What was always missed is no endpoint. Which calls were answered is only known where all were.
INSERT INTO endpoint_new
SELECT id, service_id, method, path,
       CASE WHEN missed THEN 'missed' ELSE 'found' END, calls, first_ns, last_ns, request_bytes, response_bytes,
       CASE WHEN answered THEN first_ns ELSE 9223372036854775807 END,
       CASE WHEN answered THEN last_ns ELSE 0 END, 0, 0, NULL
FROM (SELECT endpoint.*,
             EXISTS (SELECT 1 FROM status WHERE endpoint_id = id)
             AND NOT EXISTS (SELECT 1 FROM status
                             WHERE endpoint_id = id AND status NOT IN (404, 405, 410, 501)) AS missed,
             EXISTS (SELECT 1 FROM status WHERE endpoint_id = id)
             AND NOT EXISTS (SELECT 1 FROM status
                             WHERE endpoint_id = id AND status NOT BETWEEN 1 AND 399) AS answered
      FROM endpoint);
DROP TABLE endpoint;
ALTER TABLE endpoint_new RENAME TO endpoint;
-- A bit of 64 per raw path that the caller asked for.
ALTER TABLE edge ADD COLUMN paths INTEGER NOT NULL DEFAULT 0;

CREATE VIEW endpoint_view AS
SELECT service.name AS service, method, path, class, calls,
       datetime(first_ns / 1000000000, 'unixepoch') AS first_seen,
       datetime(last_ns / 1000000000, 'unixepoch') AS last_seen,
       request_bytes, response_bytes
FROM endpoint JOIN service ON service.id = service_id
ORDER BY class, service, path, method;

CREATE VIEW edge_view AS
SELECT coalesce(nullif(workload.program, ''), peer.address) AS caller, address, program, cgroup, container,
       service.name AS service, method, path, class, credential, edge.calls, refused
FROM edge
JOIN endpoint ON endpoint.id = endpoint_id
JOIN service ON service.id = service_id
JOIN peer ON peer.id = peer_id
LEFT JOIN workload ON workload.id = workload_id
ORDER BY class, caller, service, path, method;
-- Schemas of bodies. How many objects had a field (arrays for items, calls outside of bodies), and how
-- many of its values were objects: a member of which `present` is the parent's `objects` was in all.
-- At `{key}` and `{name}`, `present` counts names that are not shown yet; `held` counts those of them that
-- turned out to be of a field, at that field.
ALTER TABLE field ADD COLUMN present INTEGER NOT NULL DEFAULT 0;
ALTER TABLE field ADD COLUMN objects INTEGER NOT NULL DEFAULT 0;
ALTER TABLE field ADD COLUMN held    INTEGER NOT NULL DEFAULT 0;
-- Of rows from before it is not known, so that no member of them may ever be called required.
UPDATE field SET objects = calls WHERE place IN ('request-body', 'response-body');
UPDATE field SET present = calls WHERE place NOT IN ('request-body', 'response-body');

-- Calls by status code and media type of the response body.
CREATE TABLE content (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    status      INTEGER NOT NULL,
    media_type  TEXT    NOT NULL,
    calls       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, status, media_type)
) STRICT, WITHOUT ROWID;

-- Fields with few values, all of them words of the vocabulary that comes with the program: a keyed hash
-- (16 hex digits) of each, and its text once it is shown. None of a field that has any other value.
CREATE TABLE field_value (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    place       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    hash        TEXT    NOT NULL,
    word        TEXT,
    PRIMARY KEY (endpoint_id, place, name, hash)
) STRICT, WITHOUT ROWID;
