-- The ledger of connections: what of TLS was read, why the rest was not, and what is said of it in clear.
-- Every connection is in one row, once; its bytes are those that TCP counted.

CREATE TABLE ledger (
    workload_id     INTEGER NOT NULL REFERENCES workload (id),
    port            INTEGER NOT NULL,
    verdict         TEXT    NOT NULL,
    -- Of TLS: 'http1', 'http2', 'other' as read inside; '!' and the reason if unread; '?' for sessions of
    -- which the connection was never found. Empty without TLS and in rows of before.
    reading         TEXT    NOT NULL DEFAULT '',
    server_name     TEXT    NOT NULL DEFAULT '',
    tls_version     TEXT    NOT NULL DEFAULT '',
    alpn            TEXT    NOT NULL DEFAULT '',
    connections     INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    plaintext_bytes INTEGER NOT NULL DEFAULT 0,
    lost_bytes      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workload_id, port, verdict, reading, server_name, tls_version, alpn)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger (workload_id, port, verdict, connections, bytes)
    SELECT workload_id, port, verdict, connections, bytes FROM coverage;
DROP TABLE coverage;
ALTER TABLE ledger RENAME TO coverage;

CREATE TABLE run_ledger (
    run_id          INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    workload_id     INTEGER NOT NULL REFERENCES workload (id),
    port            INTEGER NOT NULL,
    verdict         TEXT    NOT NULL,
    reading         TEXT    NOT NULL DEFAULT '',
    server_name     TEXT    NOT NULL DEFAULT '',
    tls_version     TEXT    NOT NULL DEFAULT '',
    alpn            TEXT    NOT NULL DEFAULT '',
    connections     INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    plaintext_bytes INTEGER NOT NULL DEFAULT 0,
    lost_bytes      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, workload_id, port, verdict, reading, server_name, tls_version, alpn)
) STRICT, WITHOUT ROWID;
INSERT INTO run_ledger (run_id, workload_id, port, verdict, connections, bytes)
    SELECT run_id, workload_id, port, verdict, connections, bytes FROM run_coverage;
DROP TABLE run_coverage;
ALTER TABLE run_ledger RENAME TO run_coverage;
