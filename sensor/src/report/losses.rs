//! Name of a loss -> what it means to a reader of a report, in a few words. Reports of stores that a
//! newer version wrote may hold names that this one does not know.

/// What that loss means; `None` for a name of another version.
pub(super) fn meaning(name: &str) -> Option<&'static str> {
    MEANINGS.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

const MEANINGS: &[(&str, &str)] = &[
    // The kernel side, by operation.
    ("ring-full", "the agent was too slow: bytes not copied, only their length is known"),
    ("control-ring-full", "the agent was too slow: a connection's beginning or end is missing"),
    ("read-fault", "the program's memory could not be read"),
    ("state-full", "more sockets at once than the kernel's table holds: these are not seen"),
    ("body-budget", "longer than --operation-bytes-max or --burst-bytes-max: the rest was not copied"),
    ("io-uring", "moved by io_uring: only the length is known"),
    ("splice", "moved by sendfile or splice: only the length is known"),
    ("message-batch", "moved by sendmmsg or recvmmsg: only the length is known"),
    ("truncated", "dropped by the program itself (MSG_TRUNC)"),
    ("vector-too-long", "more segments in one call than are followed"),
    ("compat-32-bit", "a 32-bit program: only the length is known"),
    ("foreign-syscall", "moved outside of the call that was looked at: only the length is known"),
    ("unordered", "two threads at one direction of a socket: their order is not known"),
    ("urgent-data", "out-of-band bytes, which are no part of the stream"),
    ("unknown-syscall", "moved by a call that is not known: only the length is known"),
    ("out-of-scope", "a process outside of the scope used a socket of one inside: not copied"),
    // The agent, from left to right.
    ("record-malformed", "a record of the kernel side that cannot be read: a bug, please report it"),
    ("connection-unknown", "a record of a connection whose beginning was lost"),
    ("connections-full", "more connections at once than the agent keeps: these are not read"),
    ("connection-idle", "a connection let go since nothing was heard of it for long"),
    ("buffers-full", "a connection given up since too much waited unread"),
    ("calls-lost", "requests on connections that lost records: calls that are in no report"),
    ("session-unattributed", "calls read inside of TLS without knowing who the other side is"),
    ("unseen-bytes", "bytes (not events) that TCP moved and no hook saw"),
    ("link-unknown", "packets of a kind of link that the reader of captures does not know"),
    ("packet-unread", "packets that are neither TCP nor a tunnel that is looked into"),
    ("packet-malformed", "packets whose headers are cut or contradict themselves"),
    ("fragment-lost", "packets of which a fragment is missing or cut"),
    ("segment-duplicate", "bytes that arrived twice; nothing is lost"),
    ("gap", "a hole in the bytes of one direction"),
    ("reorder-full", "bytes too far ahead of a hole"),
    ("message-unrecognized", "bytes where a message had to begin and none did"),
    ("head-too-large", "a message head over 64 KiB or 128 fields"),
    ("head-malformed", "a message head that is no valid HTTP/1"),
    ("framing-conflict", "a message whose lengths contradict each other: its connection is read no further"),
    ("chunk-malformed", "a chunked body that breaks the grammar"),
    ("response-missing", "a request without a response before its connection ended"),
    ("request-missing", "a response whose request was not seen: no call is made of it"),
    ("message-lost", "a request or response whose head stood in a hole"),
    ("body-cut", "a body kept in part: fields may be missing, the call is not"),
    ("pipeline-full", "more requests in flight on a connection than are kept"),
    ("coding-malformed", "a compressed body that cannot be decoded: its fields are missing"),
    ("coding-limit", "a compressed body that grows past the limit: fields may be missing"),
    ("coding-unknown", "a content coding that is not known: the body's fields are missing"),
    ("connection-upgraded", "a connection that went over to another protocol, which is not read"),
    ("frame-malformed", "HTTP/2 frames that break the rules: what follows was skipped"),
    ("block-malformed", "HTTP/2 heads that could not be decoded: fields after them may be unknown"),
    ("field-unknown", "fields of HTTP/2 heads sent in short form for what came before the sensor did"),
    ("target-unknown", "calls by HTTP/2 whose path was sent before the sensor began: under {unknown}"),
    ("status-unknown", "responses by HTTP/2 whose status was sent before the sensor began"),
    ("table-full", "HTTP/2 header tables larger than is kept: fields may be unknown"),
    ("streams-full", "HTTP/2 streams let go since their connection had too many"),
    ("resets-full", "HTTP/2 requests that were taken back, too many to report"),
    ("envelope-malformed", "streams of gRPC or Connect that break their framing"),
    ("pieces-full", "messages of a stream past the number that is read"),
    ("connection-panic", "a connection given up by a bug, please report it"),
    ("json-malformed", "JSON that is not valid: fields may be missing"),
    ("json-too-deep", "JSON nested too deep: the fields below are missing"),
    ("xml-malformed", "bodies that are no valid XML"),
    ("binary-malformed", "bodies that are no valid MessagePack, CBOR or protobuf"),
    ("batch-full", "calls of a batch past the number that is told apart"),
    ("fields-full", "more fields in one call than are kept"),
    ("field-names-full", "more different field names than are kept"),
    ("field-names-held-full", "names not yet shown to be field names, let go to make room"),
    ("field-values-full", "more fields than are watched for closed sets of values: these have none"),
    ("classes-full", "more fields with sensitive data in one call than are counted"),
    ("keys-untried", "too many new tokens at once: well-known keys were not tried on these"),
    ("path-too-long", "a path with more segments than are kept"),
    ("path-words-full", "more different words in paths than are watched: these stay parameters"),
    ("endpoints-full", "more endpoints than are kept: counted under their service only"),
    ("noise-full", "more paths of scans, files, checks than are kept: counted under their service only"),
    ("services-full", "more services in one run than are kept: counted under {over-budget}"),
    ("coverage-full", "more kinds of connections between two flushes than are kept"),
    ("callers-full", "more callers of an endpoint than are kept"),
    ("servers-full", "more servers of an endpoint than are kept"),
    ("flush-retried", "the store could not be written and was tried again; nothing is lost"),
    ("flush-dropped", "calls given up since the store was away for too long"),
    ("evaluation-failed", "an evaluation of findings that failed; the next one makes up for it"),
    ("notification-retried", "a delivery that failed and was tried again; nothing is lost"),
    ("notifications-dropped", "notifications given up: the queue was full, or the sink refused them"),
];

#[cfg(test)]
mod tests {
    use schema::loss::Loss;

    use super::*;
    use crate::counter::Counter;

    #[test]
    fn every_loss_has_a_meaning_and_every_meaning_a_loss() {
        let kernel = Loss::ALL.into_iter().filter(|&loss| loss != Loss::None).map(Loss::name);
        let all: Vec<&str> = kernel.chain(Counter::ALL.iter().map(|counter| counter.name())).collect();
        for name in &all {
            assert!(meaning(name).is_some(), "{name} has no meaning");
        }
        for (name, _) in MEANINGS {
            assert!(all.contains(name), "{name} is no loss");
        }
        assert_eq!(MEANINGS.len(), all.len(), "one meaning each");
    }
}
