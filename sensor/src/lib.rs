//! apicensus: a passive network API discovery sensor.
//!
//! ```text
//!            kernel | agent
//! sensor-ebpf ──────┼─► source ─► stream ─► protocol ─► call ─► inventory ─┬─► store
//!     records       |   Event     Chunk     Exchange    Call    Inventory   └─► report
//!                   |                       └ raw values ┘└── no raw value from here on
//! ```
//!
//! Data goes right, imports point left. Modules stand in pipeline order; `sensor/ARCHITECTURE.md`
//! has a paragraph and the invariants of each.

// Vocabulary: imported by all, imports nothing.
pub mod counter;
pub mod flow;
pub mod limits;

// Stages, in the order in which data passes them.
pub mod source;
pub mod stream;
pub mod protocol;
pub mod call;
pub mod inventory;
pub mod findings;
pub mod store;
pub mod report;

// The rim: what goes out.
pub mod notify;

// The program around them.
pub mod cli;
pub mod command;
pub mod config;
pub mod pipeline;
pub mod telemetry;
