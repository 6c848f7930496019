//! Tells the sensor where the eBPF object is that it carries. Does not build it: that takes another
//! compiler, which `cargo xtask build` finds.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-env-changed=APICENSUS_EBPF_OBJECT");
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_KERNEL").is_none() {
        return;
    }
    let object = match std::env::var("APICENSUS_EBPF_OBJECT") {
        Ok(path) => path,
        Err(_) => concat!(env!("CARGO_MANIFEST_DIR"), "/../target/ebpf/apicensus.bpf.o").to_owned(),
    };
    println!("cargo::rerun-if-changed={object}");
    if Path::new(&object).is_file() {
        println!("cargo::rustc-env=APICENSUS_EBPF_OBJECT={object}");
    } else {
        println!(
            "cargo::error=there is no eBPF object at {object}; run `cargo xtask build` once (or build \
             with --no-default-features for an agent without live capture)"
        );
    }
}
