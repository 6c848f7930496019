//! Capture files to events: see `sensor::source::pcap::fuzz`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::source::pcap::fuzz(data));
