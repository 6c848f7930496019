//! Tells the crate where the kernel program's object is. `cargo xtask build` makes it.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-env-changed=CARGO_FEATURE_KERNEL");
    if std::env::var_os("CARGO_FEATURE_KERNEL").is_none() {
        return;
    }
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let object = Path::new(&root).join("../target/ebpf/apicensus.bpf.o");
    println!("cargo:rerun-if-changed={}", object.display());
    if !object.is_file() {
        println!(
            "cargo:error={} is missing; run `cargo xtask build`, or build without the feature `kernel`",
            object.display()
        );
        return;
    }
    println!("cargo:rustc-env=APICENSUS_EBPF_OBJECT={}", object.display());
}
