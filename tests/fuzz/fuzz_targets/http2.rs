//! Chunks to exchanges, HTTP/2: see `sensor::protocol::http2::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::protocol::http2::fuzz(data));
