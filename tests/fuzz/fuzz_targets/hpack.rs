//! Header blocks to fields: see `sensor::protocol::http2::hpack::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::protocol::http2::hpack::fuzz(data));
