//! Segments in, bytes in order out: each direction as a run of [`Chunk`]s, where what is missing is
//! said, with its exact length. Does not look into the bytes.

mod assembler;
mod fuzz;
mod lane;

pub use assembler::{Assembler, Ordering};
pub use fuzz::fuzz;

use crate::flow::{Direction, Timestamp};

/// The next piece of one direction, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Bytes that follow the last chunk of this direction without a hole.
    Bytes {
        /// Which way.
        direction: Direction,
        /// Never empty.
        bytes: &'a [u8],
        /// The first byte follows bytes of the other direction.
        burst_start: bool,
        /// When the operation that moved them ended.
        at: Timestamp,
    },
    /// Bytes that are missing for good.
    Gap {
        /// Which way.
        direction: Direction,
        /// How many, at least 1.
        length: u64,
        /// The first missing byte follows bytes of the other direction.
        burst_start: bool,
        /// When the hole was known.
        at: Timestamp,
    },
    /// The connection ended, both directions.
    End {
        /// When.
        at: Timestamp,
        /// The source knows how long the directions were: no byte is missing that was not said.
        certain: bool,
    },
}
