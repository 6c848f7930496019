//! Tells others of findings: what a sink is to be told, in its form, over its wire, once.
//!
//! The queue is the store's, so that it survives this program. A note is delivered first and marked
//! then: a crash between the two repeats that one, under the same id. Addresses may hold secrets and are
//! never written anywhere.

pub mod event;
pub mod form;
pub mod sink;
pub mod teller;

mod wire;

pub use event::Event;
pub use sink::{Form, Sink};
pub use teller::Teller;
