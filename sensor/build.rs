//! Tells the sensor where the eBPF object is that it carries, and the hashes of the style and script of
//! HTML reports, which their content security policy names. Does not build the object: that takes
//! another compiler, which `cargo xtask build` finds.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

fn main() {
    hash_assets();
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

fn hash_assets() {
    for (page, kind) in [("report", "css"), ("report", "js"), ("findings", "js")] {
        let path = format!("src/report/assets/{page}.{kind}");
        println!("cargo::rerun-if-changed={path}");
        let hash = match std::fs::read(&path) {
            Ok(bytes) => STANDARD.encode(Sha256::digest(bytes)),
            Err(error) => {
                println!("cargo::error=cannot read {path}: {error}");
                return;
            }
        };
        let name = format!("{page}_{kind}").to_uppercase();
        println!("cargo::rustc-env=APICENSUS_{name}_SHA256={hash}");
    }
}
