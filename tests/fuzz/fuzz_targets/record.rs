//! Ring records to events: see `sensor::source::decode::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::source::decode::fuzz(data));
