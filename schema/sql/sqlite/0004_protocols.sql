-- What other protocols than plain HTTP/1 say of a call: statuses of RPCs, messages of streams. Same rules
-- as before: sums and hulls, and no value from traffic.

-- Messages of requests and of responses: sums, and the most in one call.
ALTER TABLE endpoint ADD COLUMN request_messages       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN response_messages      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN request_messages_most  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN response_messages_most INTEGER NOT NULL DEFAULT 0;

-- Calls by status of the RPC within them (gRPC: 0 to 16).
CREATE TABLE rpc_status (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    status      INTEGER NOT NULL,
    calls       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, status)
) STRICT, WITHOUT ROWID;
