//! Every bound of every stage, with its unit and its reason. Reaching one adds to a counter.

/// Connections with state in the agent. About 1 KiB each when idle.
pub const CONNECTIONS_MAX: usize = 65_536;

/// Bytes that the streams and parsers of all connections hold together.
pub const BUFFERED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Pairings remembered for connections whose opening has not come yet.
pub const PAIRS_AHEAD_MAX: usize = 4096;

/// Nanoseconds without a byte after which a connection's state is let go.
pub const CONNECTION_IDLE_NS: u64 = 300 * 1_000_000_000;

/// Bytes of one direction held while an earlier segment is missing.
pub const REORDER_BYTES_MAX: usize = 256 * 1024;

/// Bytes of one message head, start line included. Servers refuse more than 8 to 64 KiB.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Header fields of one head.
pub const HEADERS_MAX: usize = 128;

/// Bytes of one body that are kept for its shape; the rest is only counted.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Bytes that one coded body may grow to when decoded (also at the most 100 times its size).
pub const DECODED_BYTES_MAX: usize = 1024 * 1024;

/// Requests in flight on one connection.
pub const PIPELINE_MAX: usize = 256;

/// Bytes of heads and bodies of the requests in flight on one connection: four bodies of full size
/// with their responses. A client that pipelines more is no longer paired.
pub const PIPELINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of responses that wait for a request whose record comes late. The lateness is one of
/// microseconds: more than one response is not to be expected.
pub const PARKED_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one chunk-size line. Extensions are a few words where they are used at all.
pub const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;

/// Bytes of one HTTP/2 header block, its continuations together. Compressed, a head of the largest size
/// is shorter; a flood of continuations ends here.
pub const HEADER_BLOCK_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one HPACK table that are held, whatever size the sides agreed on; usual are 4 KiB, some
/// raise it to 64 KiB. What lies past is unknown.
pub const HPACK_TABLE_BYTES_MAX: usize = 64 * 1024;

/// Streams of one HTTP/2 connection under way. Servers allow 100 to 256 at once.
pub const STREAMS_MAX: usize = 512;

/// Bytes of heads and bodies of all streams of one HTTP/2 connection; see [`PIPELINE_BYTES_MAX`].
pub const STREAMS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Responses of one HTTP/2 connection whose request was not seen yet: see [`PARKED_BYTES_MAX`].
pub const OVERTAKEN_MAX: usize = 16;

/// Streams that a client resets before they are answered, in a row (each answer makes up for one): more
/// is a flood (CVE-2023-44487) and only counted.
pub const RESETS_MAX: u32 = 256;

/// Bytes of a burst that are held to find where a frame begins: the largest frame that everyone takes
/// (RFC 9113 section 4.2), with the head of the next one.
pub const FRAME_SEARCH_BYTES_MAX: usize = 16_384 + 2 * 9;

/// Captured bytes of a stream that goes on from which on they are handed on as a part.
pub const PART_BYTES_MAX: usize = 64 * 1024;

/// Nanoseconds that a stream is open before what came so far is handed on as a part.
pub const PART_NS: u64 = 10 * 1_000_000_000;

/// Bytes of the trailers or of the last message in an enveloped stream. They are as short as a head.
pub const ENVELOPE_END_BYTES_MAX: usize = 16 * 1024;

/// Captured messages of one stream or part of it: each is a document of its own.
pub const PIECES_MAX: usize = 4096;

/// Content codings in a row on one body. More than two are not seen outside attacks.
pub const CODINGS_MAX: usize = 3;

/// Times that a coded body may grow when decoded. Ordinary JSON stays below 30.
pub const EXPANSION_MAX: usize = 100;

/// Bytes of window that a zstd body may ask for: RFC 9659 section 3.
pub const ZSTD_WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Depth of nested JSON values that is followed.
pub const JSON_DEPTH_MAX: usize = 32;

/// Fields that one call may name.
pub const CALL_FIELDS_MAX: usize = 1024;

/// Different fields (place and path) known at once.
pub const FIELD_NAMES_MAX: usize = 65_536;

/// Names of fields held back until they are shown to be names, 64 B each.
pub const FIELD_NAMES_HELD_MAX: usize = 65_536;

/// Segments of one path.
pub const PATH_SEGMENTS_MAX: usize = 32;

/// Path words under observation before they are shown to be route words.
pub const PATH_WORDS_MAX: usize = 65_536;

/// Paths of services with unknown words that are remembered to learn which of those are route words,
/// about 300 B each.
pub const LEARNT_PATHS_MAX: usize = 50_000;

/// Endpoints with unflushed changes in memory.
pub const ENDPOINTS_MAX: usize = 50_000;

/// Services told apart in one run. A host has tens, a proxy hundreds; a scanner that varies `Host`
/// would otherwise make the database grow for ever.
pub const SERVICES_MAX: usize = 1024;

/// Raw endpoints of all services told apart in one run, 8 B each.
pub const ENDPOINTS_PER_RUN_MAX: usize = 200_000;

/// Raw endpoints (methods on paths not yet templated) of one service told apart in one run. Values are
/// shapes by then, so that only words that are in no dictionary multiply them.
pub const ENDPOINTS_PER_SERVICE_MAX: usize = 4096;

/// Raw endpoints of one service that begin with one and the same response body. A server that answers
/// any path with its page makes these and no more; what answers something else keeps its place.
pub const PAGE_ROWS_PER_SERVICE_MAX: usize = 256;

/// The same for all services: one program answers at many hosts.
pub const PAGE_ROWS_PER_RUN_MAX: usize = 8192;

/// Rows of missed calls (methods on paths that are not there) of one service told apart in one run:
/// enough for clients in error, not for scans.
pub const MISSED_PER_SERVICE_MAX: usize = 128;

/// Rows of files of web pages of one service; they are one row per folder.
pub const STATIC_FILES_PER_SERVICE_MAX: usize = 64;

/// Rows of health checks of one service. Few paths are such.
pub const HEALTH_CHECKS_PER_SERVICE_MAX: usize = 32;

/// Rows of preflights of one service: one per endpoint that browsers call across origins.
pub const PREFLIGHTS_PER_SERVICE_MAX: usize = 128;

/// Rows of all services and classes that are no endpoints, in one run, 8 B each and about 1 KiB in the
/// store: a scan of a thousand hosts stays at some MiB.
pub const NOISE_PER_RUN_MAX: usize = 8192;

/// Rows that are no endpoints, of all runs, that a store keeps when a run begins; the older ones become
/// one per service and class.
pub const NOISE_ROWS_KEPT: usize = 4 * NOISE_PER_RUN_MAX;

/// Callers of one row that is no endpoint, with unflushed changes in memory.
pub const CALLERS_PER_NOISE_ROW_MAX: usize = 64;

/// Kinds of connections (workload, port, verdict) told apart between two flushes. One per service
/// that a host asks or offers; ports of scanners would multiply them.
pub const COVERAGE_MAX: usize = 8192;

/// Callers of one endpoint with unflushed changes in memory.
pub const CALLERS_PER_ENDPOINT_MAX: usize = 1024;

/// Runs that a store remembers one by one; sums over all runs stay for ever.
pub const RUNS_KEPT: usize = 50;

/// Rows (endpoints, fields, callers, ...) that wait in memory while the store cannot be written.
/// About 150 B each; ten minutes of a store that is away on a busy host.
pub const PENDING_ROWS_MAX: usize = 1_000_000;

/// Deltas in the channel to the flusher; it takes them even while it writes, so few are enough.
pub const FLUSH_QUEUE_MAX: usize = 4;

/// Servers of one endpoint with unflushed changes in memory.
pub const SERVERS_PER_ENDPOINT_MAX: usize = 256;

/// Different keys kept under one object, or names in one place; the keys of larger ones are data.
pub const FIELD_CHILDREN_MAX: usize = 512;

/// Texts of a field that are remembered as a closed set; a field with more is open.
pub const FIELD_VALUES_MAX: usize = 16;

/// Fields (of one endpoint each) that are watched for closed sets in one run. 70 B each and
/// 24 B for each value.
pub const VALUES_WATCHED_MAX: usize = 32_768;

/// Bytes of a field's whole name (JSON pointer).
pub const FIELD_NAME_BYTES_MAX: usize = 512;

/// Rules of one hints file, written by hand.
pub const HINTS_MAX: usize = 10_000;

/// Bytes of one hints file.
pub const HINTS_BYTES_MAX: u64 = 4 << 20;

/// Bytes of one OpenAPI document; the largest public ones have 35 MiB.
pub const OPENAPI_BYTES_MAX: u64 = 64 << 20;

/// Routes of one OpenAPI document, for each of its base paths; the largest public ones have 17,000.
pub const OPENAPI_ROUTES_MAX: usize = 100_000;

/// Findings that are gone and kept with their states, those that were resolved last.
pub const FINDINGS_RESOLVED_KEPT: usize = 10_000;

/// Notifications of all sinks that wait in the store, about 1 KiB each; over it the oldest are dropped.
pub const NOTIFICATIONS_QUEUED_MAX: usize = 10_000;

/// Times that a sink may refuse one notification (HTTP 4xx) before it is given up.
pub const NOTIFICATION_REFUSALS_MAX: u32 = 8;

/// Seconds that one delivery may take: connecting, sending and the answer.
pub const NOTIFICATION_TIMEOUT_S: u64 = 10;

/// Bytes of an answer of a sink that are read.
pub const NOTIFICATION_ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Bytes of a suppression file, written by hand.
pub const SUPPRESSIONS_BYTES_MAX: u64 = 4 << 20;

/// Seconds that a JWT may live before it counts as long-lived: a day.
pub const JWT_LIFETIME_S: u64 = 24 * 3600;

/// Bytes of a JWT that is decoded; servers refuse heads of more than 8 to 64 KiB.
pub const JWT_BYTES_MAX: usize = 16 * 1024;

/// Claims of one JWT that are looked at, with those of inner objects.
pub const JWT_CLAIMS_MAX: usize = 256;

/// New tokens of which the signature is tried with well-known keys, in a minute of traffic: about 0.1 ms
/// each.
pub const JWT_KEYS_TRIED_PER_MINUTE: u32 = 300;

/// Fields with classes of sensitive data in one call.
pub const CALL_CLASSES_MAX: usize = 512;

/// Bytes of an error's body that are searched for stack traces.
pub const ERROR_BYTES_MAX: usize = 16 * 1024;

/// Items of one array in an answer from which on there are many records.
pub const RECORDS_MANY: usize = 100;

/// Principals of one edge that are told apart, those with the smallest hashes; of more the number is
/// estimated.
pub const PRINCIPALS_KEPT: usize = 16;

/// Callers that a finding names: enough to know where to begin.
pub const EDGES_SHOWN: usize = 5;

/// Entries of one suppression file, written by hand.
pub const SUPPRESSIONS_MAX: usize = 10_000;

/// Files that one specification may refer to; the largest public ones are split over some hundreds.
pub const SPEC_FILES_MAX: usize = 2048;

/// Levels of a specification that are read; schemas written in place are hardly deeper than 30.
pub const SPEC_LEVELS_MAX: usize = 96;

/// Schemas of one specification, those written in place included; about 200 B each. The largest public
/// ones have 150,000.
pub const SPEC_SCHEMAS_MAX: usize = 1_000_000;

/// Messages within messages of a descriptor set; compilers take fewer.
pub const DESCRIPTOR_LEVELS_MAX: usize = 64;

/// Bytes of one name in a descriptor set; a message's whole name has those of all levels above it.
pub const DESCRIPTOR_NAME_BYTES_MAX: usize = 1024;

/// Types around a type and values within a value of a GraphQL schema.
pub const GRAPHQL_LEVELS_MAX: usize = 64;

/// Edges of one policy file.
pub const POLICY_EDGES_MAX: usize = 1_000_000;

/// Bytes of one policy file: an edge takes about 200.
pub const POLICY_BYTES_MAX: u64 = 256 << 20;

/// Manifests that one check of policies reads: one for each service and form.
pub const MANIFESTS_MAX: usize = 100_000;

/// Bytes of one regular expression of a policy once it is compiled.
pub const POLICY_REGEX_BYTES_MAX: usize = 1 << 20;

/// Names in a file of identities.
pub const IDENTITIES_MAX: usize = 100_000;
/// Files and folders in a folder of specifications, all levels together.
pub const SPEC_FOLDER_FILES_MAX: usize = 20_000;

/// Levels of folders below a folder of specifications.
pub const SPEC_FOLDER_LEVELS_MAX: usize = 16;

/// Specifications of one folder.
pub const SPECS_MAX: usize = 1000;

/// Bytes of a capture file that are read at a time.
pub const CAPTURE_BUFFER_BYTES: usize = 256 << 10;

/// Bytes of one block of a capture file: packets have at most 256 KiB, comments are longer sometimes.
pub const CAPTURE_BLOCK_BYTES_MAX: usize = 16 << 20;

/// Interfaces of one section of a capture file.
pub const CAPTURE_INTERFACES_MAX: usize = 65_536;

/// Window of a capture file that is compressed with zstd: that of its highest usual level.
pub const CAPTURE_ZSTD_WINDOW_BYTES_MAX: u64 = 8 << 20;

/// Packets whose fragments are waited for at once, 64 KiB each.
pub const FRAGMENTED_PACKETS_MAX: usize = 256;

/// Tunnels around a packet: a mirrored one of an overlay has two or three.
pub const TUNNELS_MAX: usize = 4;

/// TCP connections of a capture that are remembered at once, about 200 B each.
pub const FLOWS_MAX: usize = 65_536;

/// Silence after which a connection of a capture is let go: 10 minutes.
pub const FLOW_IDLE_NS: u64 = 600 * 1_000_000_000;

/// Bytes between a reset and the furthest byte of its direction: a large window.
pub const RESET_DISTANCE_MAX: u64 = 16 << 20;

/// Time that a hole is left open for once the other side has what is missing: a capture is out of order by
/// less.
pub const HOLE_WAIT_NS: u64 = 20 * 1_000_000;

/// Acknowledgments of what is missing after which a hole is left open no longer, whatever the clock says.
pub const HOLE_ACKNOWLEDGMENTS_MAX: u32 = 16;

/// Bytes at the beginning of a burst that are held until it is known what a connection carries.
pub const UNDECIDED_BYTES_MAX: usize = 16 << 10;

/// Bursts without a verdict after which a connection carries something else.
pub const UNDECIDED_BURSTS_MAX: u32 = 16;

/// Bytes of one entry of an HTTP archive: those with large downloads have some tens of MiB.
pub const ARCHIVE_ENTRY_BYTES_MAX: u64 = 128 << 20;

/// Values in one entry of an archive that are kept, about 100 B each: a message of a WebSocket is five.
pub const ARCHIVE_ENTRY_NODES_MAX: usize = 200_000;

/// Bytes of one text in an archive that are kept: a body of the largest size in base64. A multiple of four.
pub const ARCHIVE_TEXT_BYTES_MAX: usize = 2 << 20;

/// Bytes of the name of the program that wrote an archive.
pub const ARCHIVE_CREATOR_BYTES_MAX: usize = 64;

/// Maps and arrays within each other in MessagePack and CBOR that are walked; deeper is malformed.
pub const BINARY_LEVELS_MAX: usize = 256;

/// Messages within each other in protobuf; its own readers stop at 100.
pub const PROTOBUF_LEVELS_MAX: usize = 32;

/// Bytes of one message of a WebSocket that are put together; longer ones are counted only.
pub const WEBSOCKET_MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Operations of one GraphQL document that are looked at.
pub const GRAPHQL_OPERATIONS_MAX: usize = 64;

/// Bytes of the name of an operation: a name of code.
pub const OPERATION_NAME_BYTES_MAX: usize = 96;

/// Calls of one batch (JSON-RPC, GraphQL) that are told apart.
pub const BATCH_CALLS_MAX: usize = 100;

/// Bytes of one binary that are read to find its TLS functions; the largest programs with all symbols
/// take half of it.
pub const BINARY_READ_BYTES_MAX: u64 = 256 << 20;

/// Probes by symbols in one binary: some copies of a library with all its functions.
pub const BINARY_PROBES_MAX: usize = 256;

/// Functions of one Go program; the largest have 400,000. 16 B each while the table is read.
pub const GO_FUNCTIONS_MAX: u64 = 1 << 20;

/// Relocations of one position-independent Go program; as many as it has pointers in constants.
pub const GO_RELOCATIONS_MAX: u64 = 1 << 20;

/// Bytes of one Go function that is probed; those of `crypto/tls` have 1 to 2 KiB.
pub const GO_FUNCTION_BYTES_MAX: u64 = 64 << 10;

/// Bytes of `/proc/<pid>/maps` that are read: some 40,000 mappings.
pub const MAPS_BYTES_MAX: u64 = 4 << 20;

/// Files with code of one process. Interpreters with many extensions load some hundred.
pub const MAPPED_FILES_MAX: usize = 1024;

/// Processes that want a look for TLS and have had none.
pub const TLS_HINTS_MAX: usize = 4096;

/// Processes of which the state of TLS is known, some 100 B each.
pub const TLS_PROCESSES_MAX: usize = 32_768;

/// Files that are known by whether there is TLS in them, some 100 B each.
pub const TLS_FILES_MAX: usize = 16_384;

/// Exchanges of a session that wait until its connection is known.
pub const TLS_HELD_MAX: usize = 16;

/// How long they wait, in nanoseconds of the source's time.
pub const TLS_HELD_NS: u64 = 3_000_000_000;

/// Connections with TLS that ended and of which the row of the ledger is remembered: the end of what they
/// carried may be told later.
pub const TLS_ENDED_MAX: usize = 1024;

/// Names of servers that are told apart at one port of one program; they are the clients' words.
pub const SERVER_NAMES_MAX: usize = 64;

/// Connections with TLS of which the process is remembered, until they end.
pub const TLS_CONNECTIONS_MAX: usize = 65_536;
/// Bytes of the first records of a TLS connection in which its hello is looked for: one record, which
/// those of clients with large keys do not fill.
pub const TLS_HELLO_BYTES_MAX: usize = 16 << 10;

/// Extensions of one hello that are looked at; browsers send about 20.
pub const TLS_EXTENSIONS_MAX: usize = 64;

/// Protocols of one hello that are looked at; clients offer one to three.
pub const TLS_PROTOCOLS_MAX: usize = 16;
