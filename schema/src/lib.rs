//! Every contract between two programs of apicensus, without a dependency.
//!
//! The kernel program writes [`record`]s into one ring and counts [`loss`]; the agent writes
//! [`control`] before it loads the program. [`limits`] holds the numbers that both must agree on.
//! Beside this crate: `sql/` (migrations) and `json/` (the JSON Schema of every report).
#![no_std]

pub mod control;
pub mod limits;
pub mod loss;
pub mod probe;
pub mod record;
