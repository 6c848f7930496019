//! Files as ELF binaries to what they offer to probes: see `sensor::source::tls::binary::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::source::tls::binary::fuzz(data));
