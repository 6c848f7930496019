//! Packets of any link layer to events: see `sensor::source::pcap::fuzz_packets`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::source::pcap::fuzz_packets(data));
