//! Schemas of GraphQL to specifications: see `sensor::inventory::spec::fuzz::fuzz_graphql`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::inventory::spec::fuzz::fuzz_graphql(data));
