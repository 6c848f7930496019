//! YAML and JSON to nodes: see `sensor::inventory::spec::fuzz::fuzz_yaml`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::inventory::spec::fuzz::fuzz_yaml(data));
