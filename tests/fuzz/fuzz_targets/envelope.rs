//! Streams to messages: see `sensor::protocol::fuzz_envelope`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::protocol::fuzz_envelope(data));
