//! Documents of OpenAPI to specifications: see `sensor::inventory::spec::fuzz::fuzz_openapi`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sensor::inventory::spec::fuzz::fuzz_openapi(data));
