//! First bytes of a TLS connection to its hello: see `sensor::protocol::tls::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::protocol::tls::fuzz(data));
