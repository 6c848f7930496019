//! Frames to messages: see `sensor::protocol::websocket::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::protocol::websocket::fuzz(data));
