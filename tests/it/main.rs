//! Integration tests of the agent: one binary, one module per subject.

mod call_any;
mod call_cost;
mod call_exchange;
mod call_json;
mod call_read;
mod cli_commands;
mod http1_bounds;
mod http1_conversation;
mod http1_fixtures;
mod http1_property;
mod inventory_catalog;
mod inventory_merge;
mod openapi_command;
mod openapi_export;
mod openapi_judge;
mod openapi_property;
mod openapi_traffic;
mod privacy_canary;
mod report_documents;
mod store_contract;
mod store_crash;
mod store_fixture;
mod store_flush;
mod store_sqlite;
mod stream_assembler;
