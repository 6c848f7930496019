//! TCP segments to events: see `sensor::source::pcap::fuzz_flows`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::source::pcap::fuzz_flows(data));
