//! Tests of the agent that need no privilege.

mod http1_bounds;
mod http1_conversation;
mod http1_fixtures;
mod http1_property;
mod stream_assembler;
