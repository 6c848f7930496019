//! Tests of the agent that need no privilege.

mod http1_conversation;
mod http1_fixtures;
mod http1_property;
mod stream_assembler;
//! Integration tests of the agent: one binary, one module per subject.

mod call_exchange;
mod call_json;
mod call_read;
mod inventory_catalog;
mod inventory_merge;
mod privacy_canary;
