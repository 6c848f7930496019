//! Path templates of one service: observed paths in, a tree in out which every child of a node is a
//! literal or a value. A pure function of the set of paths with their calls, whatever the order they
//! come in. From the root down, at each node:
//!
//! 1. shapes are values; words that no dictionary has are values where there are more of them than a
//!    route lists ([`Group::room`]);
//! 2. what people said ([`super::guidance`]) decides (paths that a document has read as it says: [`Routed`]);
//! 3. for all other words the evidence ([`evidence`]) is weighed ([`weights`]): more than even, and the
//!    word is a literal, else a value;
//! 4. values become one node with all that goes on behind them, so that what comes behind is judged
//!    by all of them together; those with a file extension are a node of their own where routes end so.

mod evidence;
mod guide;
mod name;
mod routed;
mod tree;
mod weights;

pub use evidence::{COUNT, Candidate, Facts, NAMES};
pub use guide::Guide;
pub use routed::Routed;
pub use tree::{Company, Decision, Judge, NodeId, Reason, Step, Templates, Value};
pub use weights::{DEPTH, SPLITS, TREE_NODES};
