-- The inventory of apicensus. Every count is a sum, every time a hull, every set a union, so rows of
-- different sensors, runs and orders merge to the same content. No value from traffic is in here:
-- names of fields, words of routes, shapes and counts only.
--
-- Times are nanoseconds since the Unix epoch. `facts` is a set of bits (types low, formats high).

-- One row per fact about the database itself, e.g. `key-check`: a keyed hash of a fixed text, by
-- which a wrong `<database>.key` is noticed. The key itself is never in the database.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One start of a sensor until its end. `ended_ns` is NULL while it runs, and after a crash.
CREATE TABLE run (
    id         INTEGER PRIMARY KEY,
    version    TEXT    NOT NULL,
    front_end  TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    started_ns INTEGER NOT NULL,
    flushed_ns INTEGER,
    ended_ns   INTEGER,
    calls      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE service (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- A method on a path whose values are dropped, not yet grouped under a template.
CREATE TABLE endpoint (
    id             INTEGER PRIMARY KEY,
    service_id     INTEGER NOT NULL REFERENCES service (id),
    method         TEXT    NOT NULL,
    path           TEXT    NOT NULL,
    calls          INTEGER NOT NULL,
    first_ns       INTEGER NOT NULL,
    last_ns        INTEGER NOT NULL,
    request_bytes  INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    UNIQUE (service_id, method, path)
) STRICT;

-- Calls by status code; 0 stands for "no response seen".
CREATE TABLE status (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    status      INTEGER NOT NULL,
    calls       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, status)
) STRICT, WITHOUT ROWID;

-- Calls by latency: bucket i holds 2^i to 2^(i+1) microseconds.
CREATE TABLE latency (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    bucket      INTEGER NOT NULL,
    calls       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, bucket)
) STRICT, WITHOUT ROWID;

-- Calls by media type of a body; `side` is `request` or `response`.
CREATE TABLE media_type (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    side        TEXT    NOT NULL,
    media_type  TEXT    NOT NULL,
    calls       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, side, media_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE field (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    place       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    calls       INTEGER NOT NULL,
    facts       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, place, name)
) STRICT, WITHOUT ROWID;

-- Software on a host; `container` is empty where none is known.
CREATE TABLE workload (
    id        INTEGER PRIMARY KEY,
    program   TEXT NOT NULL,
    cgroup    TEXT NOT NULL,
    container TEXT NOT NULL,
    UNIQUE (program, cgroup, container)
) STRICT;

-- One side of calls, caller or server: an address and, where it is known, what runs there.
CREATE TABLE peer (
    id          INTEGER PRIMARY KEY,
    address     TEXT NOT NULL,
    workload_id INTEGER REFERENCES workload (id)
) STRICT;
CREATE UNIQUE INDEX peer_identity ON peer (address, ifnull(workload_id, 0));
CREATE INDEX peer_workload ON peer (workload_id);

-- Who called which endpoint with which kind of credential.
CREATE TABLE edge (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    peer_id   INTEGER NOT NULL REFERENCES peer (id),
    credential  TEXT    NOT NULL,
    calls       INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    first_ns    INTEGER NOT NULL,
    last_ns     INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, peer_id, credential)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_peer ON edge (peer_id);

-- Who answered.
CREATE TABLE server (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    peer_id   INTEGER NOT NULL REFERENCES peer (id),
    calls       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, peer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX server_peer ON server (peer_id);

-- Clear text of path words that were shown to be route words, by keyed hash (16 hex digits).
CREATE TABLE word (
    hash TEXT PRIMARY KEY,
    word TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Connections by what could be read of them, over all runs.
CREATE TABLE coverage (
    workload_id INTEGER NOT NULL REFERENCES workload (id),
    port        INTEGER NOT NULL,
    verdict     TEXT    NOT NULL,
    connections INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (workload_id, port, verdict)
) STRICT, WITHOUT ROWID;

-- What was lost, refused or capped, by cause, over all runs.
CREATE TABLE loss (
    cause TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The same two for each of the last runs; older runs are removed, the sums above stay.
CREATE TABLE run_coverage (
    run_id      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    workload_id INTEGER NOT NULL REFERENCES workload (id),
    port        INTEGER NOT NULL,
    verdict     TEXT    NOT NULL,
    connections INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (run_id, workload_id, port, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_loss (
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    cause  TEXT    NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (run_id, cause)
) STRICT, WITHOUT ROWID;

-- For people with a SQLite shell.
CREATE VIEW endpoint_view AS
SELECT service.name AS service, method, path, calls,
       datetime(first_ns / 1000000000, 'unixepoch') AS first_seen,
       datetime(last_ns / 1000000000, 'unixepoch') AS last_seen,
       request_bytes, response_bytes
FROM endpoint JOIN service ON service.id = service_id
ORDER BY service, path, method;

CREATE VIEW edge_view AS
SELECT coalesce(nullif(workload.program, ''), peer.address) AS caller, address, program, cgroup, container,
       service.name AS service, method, path, credential, edge.calls, refused
FROM edge
JOIN endpoint ON endpoint.id = endpoint_id
JOIN service ON service.id = service_id
JOIN peer ON peer.id = peer_id
LEFT JOIN workload ON workload.id = workload_id
ORDER BY caller, service, path, method;
