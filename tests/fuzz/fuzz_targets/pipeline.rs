//! Segments to the inventory: see `sensor::pipeline::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::pipeline::fuzz(data));
