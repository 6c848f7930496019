//! Bodies of any media type to calls: see `sensor::call::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::call::fuzz(data));
