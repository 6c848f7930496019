//! Every way in which data is lost, refused or capped has a name and a number here.
//!
//! Kernel causes come from [`schema::loss::Loss`]; the agent adds its own. Names are kebab-case and
//! stable for ever. A counter never holds anything from traffic.

use std::collections::BTreeMap;

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One cause in the agent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Counter { $($(#[$doc])* $variant,)* }

        impl Counter {
            /// All of them, in order of declaration.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)*];

            /// Kebab-case name, as metrics and reports show it.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)* }
            }
        }
    };
}

counters! {
    // source
    /// A ring record too short for what it says, of an unknown kind or of another ABI version.
    RecordMalformed = "record-malformed",
    /// A record of a connection whose opening record was lost or whose state was evicted.
    ConnectionUnknown = "connection-unknown",
    /// More connections open at once than the agent keeps.
    ConnectionsFull = "connections-full",
    /// A connection without traffic for a long time was let go.
    ConnectionIdle = "connection-idle",
    /// A connection given up since all connections together held too much unread.
    BuffersFull = "buffers-full",
    /// Requests on connections that lost records, as far as they are not reported: how often the
    /// direction turned to requests, less the calls that could be read.
    CallsLost = "calls-lost",
    /// Bytes that TCP moved and no hook saw.
    UnseenBytes = "unseen-bytes",
    /// Connections of a kind of network card or device that is not known to the reader of captures.
    LinkUnknown = "link-unknown",
    /// A packet that is neither TCP nor a tunnel that is looked into.
    PacketUnread = "packet-unread",
    /// A packet whose headers are cut or contradict themselves.
    PacketMalformed = "packet-malformed",
    /// Packets of which a fragment is missing or cut.
    FragmentLost = "fragment-lost",
    // stream
    /// Bytes that arrived twice.
    SegmentDuplicate = "segment-duplicate",
    /// A known hole in one direction of a connection (one per hole, not per byte).
    Gap = "gap",
    /// Segments beyond the reorder window; treated as behind a gap.
    ReorderFull = "reorder-full",
    // protocol
    /// Bytes where a message had to begin and none did; skipped to the next burst.
    MessageUnrecognized = "message-unrecognized",
    /// A head over the limit of bytes or of fields.
    HeadTooLarge = "head-too-large",
    /// A head that is no valid HTTP/1.
    HeadMalformed = "head-malformed",
    /// Lengths that contradict each other (RFC 9112 section 6.3): the message ends the parsing of
    /// its connection, since no reading of it is safe.
    FramingConflict = "framing-conflict",
    /// A chunked body that breaks the grammar.
    ChunkMalformed = "chunk-malformed",
    /// A request that got no response before the connection ended or a gap hid it.
    ResponseMissing = "response-missing",
    /// A response whose request was not seen.
    RequestMissing = "request-missing",
    /// A message (request or response) lost in a gap: its head was not seen whole.
    MessageLost = "message-lost",
    /// A body kept only in part (budget, gap or limit).
    BodyCut = "body-cut",
    /// More requests in flight on one connection than are kept.
    PipelineFull = "pipeline-full",
    /// A coded body (gzip, deflate, br, zstd) that could not be decoded.
    CodingMalformed = "coding-malformed",
    /// A coded body that grew past the limit.
    CodingLimit = "coding-limit",
    /// A content coding that is not known.
    CodingUnknown = "coding-unknown",
    /// A connection that went over to another protocol (Upgrade, CONNECT).
    ConnectionUpgraded = "connection-upgraded",
    /// An HTTP/2 frame that breaks the rules; the place in its direction is lost.
    FrameMalformed = "frame-malformed",
    /// A header block that cannot be decoded; the fields known so far in its direction are forgotten.
    BlockMalformed = "block-malformed",
    /// Field lines of HTTP/2 whose name or value stands in bytes that were not seen; they are left out.
    FieldUnknown = "field-unknown",
    /// A request of HTTP/2 whose method or path stands in bytes that were not seen.
    TargetUnknown = "target-unknown",
    /// A response of HTTP/2 whose status stands in bytes that were not seen; it counts as none.
    StatusUnknown = "status-unknown",
    /// An HPACK table of which not all entries were kept.
    TableFull = "table-full",
    /// An HTTP/2 stream let go since its connection had too many or held too much.
    StreamsFull = "streams-full",
    /// HTTP/2 requests that their client took back, too many to report.
    ResetsFull = "resets-full",
    /// An enveloped stream (gRPC, Connect) that breaks its framing; its further messages are not read.
    EnvelopeMalformed = "envelope-malformed",
    /// More messages in one stream than are kept.
    PiecesFull = "pieces-full",
    /// A parser stopped by a bug; its connection is dropped, the sensor goes on.
    ConnectionPanic = "connection-panic",
    // call
    /// A body that is no valid JSON although it says so, past the part that could be read.
    JsonMalformed = "json-malformed",
    /// A JSON body deeper than the limit.
    JsonTooDeep = "json-too-deep",
    /// A body that is no valid XML although it says so, past the part that could be read.
    XmlMalformed = "xml-malformed",
    /// The same of MessagePack, CBOR and protobuf.
    BinaryMalformed = "binary-malformed",
    /// Calls of a batch (JSON-RPC, GraphQL) past the number that is told apart.
    BatchFull = "batch-full",
    /// More fields in one call than are kept.
    FieldsFull = "fields-full",
    /// More different field names than the sensor keeps.
    FieldNamesFull = "field-names-full",
    /// Names of fields under observation that were let go to make room for others.
    FieldNamesHeldFull = "field-names-held-full",
    /// More fields that may have a closed set of values than are watched; these count as open.
    FieldValuesFull = "field-values-full",
    /// More fields with sensitive data in one call than are counted.
    ClassesFull = "classes-full",
    /// Signatures of new tokens that were not tried with well-known keys: there were too many at once.
    KeysUntried = "keys-untried",
    /// A path with more segments than are kept.
    PathTooLong = "path-too-long",
    /// Path words under observation that were let go to make room for others.
    PathWordsFull = "path-words-full",
    // inventory
    /// More endpoints in memory, or of one service in one run, than the bound; the call is counted under
    /// its service only.
    EndpointsFull = "endpoints-full",
    /// More rows of missed calls, files, health checks or preflights than the bound; the call is counted
    /// under its service and class only.
    NoiseFull = "noise-full",
    /// More services in one run than the bound; the call is counted under `{over-budget}`.
    ServicesFull = "services-full",
    /// More kinds of connections between two flushes than are kept.
    CoverageFull = "coverage-full",
    /// A session of TLS whose calls were told without who the other side is.
    SessionUnattributed = "session-unattributed",
    /// More callers on one endpoint than are kept.
    CallersFull = "callers-full",
    /// More servers behind one endpoint than are kept.
    ServersFull = "servers-full",
    // store
    /// A flush that failed and is tried again; nothing is lost by it.
    FlushRetried = "flush-retried",
    /// Changes that were given up since the store was away for longer than memory allows.
    FlushDropped = "flush-dropped",
    // findings and notifications
    /// An evaluation of findings during a run that failed; the next one makes up for it.
    EvaluationFailed = "evaluation-failed",
    /// A delivery of a notification that failed and is tried again; nothing is lost by it.
    NotificationRetried = "notification-retried",
    /// Notifications that were dropped: more waited than the queue holds, or a sink refused them for good.
    NotificationsDropped = "notifications-dropped",
}

/// A count per [`Counter`].
#[derive(Clone, Debug)]
pub struct Counters(Vec<u64>);

impl Default for Counters {
    fn default() -> Self {
        Counters(vec![0; Counter::ALL.len()])
    }
}

impl Counters {
    /// Adds one.
    pub fn add(&mut self, counter: Counter) {
        self.add_many(counter, 1);
    }

    /// Adds `count`; stops at the largest number rather than wrap.
    pub fn add_many(&mut self, counter: Counter, count: u64) {
        let slot = &mut self.0[counter as usize];
        *slot = slot.saturating_add(count);
    }

    /// The count of one.
    pub fn count(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// All that are not zero, by name.
    pub fn named(&self) -> BTreeMap<&'static str, u64> {
        Counter::ALL.iter().map(|&c| (c.name(), self.count(c))).filter(|&(_, n)| n > 0).collect()
    }
}
