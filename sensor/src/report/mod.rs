//! What people and programs read: a catalog becomes documents, a document becomes text, JSON, a page or
//! Markdown.
//!
//! All forms come from the same document, so they cannot say different things. Everything here is
//! pure; names are the sender's own text and are escaped before a terminal sees them.

pub mod diff;
pub mod doctor;
pub mod document;
pub mod explain;
pub mod filter;
pub mod findings;
pub mod html;
pub mod json;
pub mod ledger;
pub mod markdown;
pub mod noise;
pub mod openapi;
pub mod policy;
pub mod spec;
pub mod replay;
pub mod status;
pub mod text;

pub(crate) mod escape;
mod fill;
mod format;
mod losses;
mod reasons;
mod sums;
mod table;
mod unseen;
