//! Chunks to exchanges: see `sensor::protocol::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::protocol::fuzz(data));
