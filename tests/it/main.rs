//! Integration tests of the agent: one binary, one module per subject.

mod call_any;
mod call_cost;
mod call_exchange;
mod call_json;
mod call_read;
mod inventory_catalog;
mod inventory_merge;
mod privacy_canary;
