//! One integration binary: every test outside the modules themselves.

mod cli_commands;
mod report_documents;
mod store_contract;
mod store_crash;
mod store_fixture;
mod store_flush;
mod store_sqlite;
