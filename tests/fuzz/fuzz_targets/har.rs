//! HTTP archives to exchanges: see `sensor::protocol::har::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::protocol::har::fuzz(data));
