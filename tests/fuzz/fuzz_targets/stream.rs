//! Segments to chunks: see `sensor::stream::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::stream::fuzz(data));
