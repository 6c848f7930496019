-- How calls went over the network. Same rules as before: sums, and no value from traffic.

-- Calls by transport: `clear`, or of TLS what is known of version and protocol (`tls`, `tls1.3 h2`).
CREATE TABLE transport (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    transport   TEXT    NOT NULL,
    calls       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, transport)
) STRICT, WITHOUT ROWID;
-- What was inside of TLS could not be read before. (Archives of browsers could, and did not say.)
INSERT INTO transport SELECT id, 'clear', calls FROM endpoint WHERE calls > 0;

-- Calls of an edge inside TLS; all others went in clear.
ALTER TABLE edge ADD COLUMN encrypted INTEGER NOT NULL DEFAULT 0;
