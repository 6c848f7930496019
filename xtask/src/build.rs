//! Builds the kernel side with its own compiler into `target/ebpf/apicensus.bpf.o`, then the sensor
//! that carries this object. Cargo decides what is out of date.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::setup::toolchain;
use crate::{layout, shell};

const EBPF_TARGET: &str = "bpfel-unknown-none";
const EBPF_PACKAGE: &str = "sensor-ebpf";

/// Builds both sides; gives the sensor's binary.
pub fn all(release: bool) -> Result<PathBuf> {
    ebpf()?;
    shell::announce("build: sensor");
    let mut cargo = shell::cargo();
    cargo.args(["build", "--package", "sensor"]);
    if release {
        cargo.arg("--release");
    }
    shell::run(&mut cargo)?;
    Ok(layout::sensor(release))
}

/// Builds the kernel side.
pub fn ebpf() -> Result<()> {
    shell::announce("build: eBPF object");
    let toolchain = toolchain::find().context("no compiler for eBPF; run `cargo xtask setup`")?;
    let linker = toolchain::linker()?;
    let source = layout::root().join(EBPF_PACKAGE);
    let out = layout::target().join("ebpf");
    let flags =
        ["-Cdebuginfo=2".to_owned(), format!("-Clinker={}", linker.display()), "-Clink-arg=--btf".to_owned()];
    shell::run(
        toolchain
            .cargo()
            .current_dir(&source)
            .args(["build", "--release", "--target", EBPF_TARGET, "-Z", "build-std=core", "--target-dir"])
            .arg(&out)
            // Separated so that a path with a space stays one flag.
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
            .env_remove("RUSTFLAGS"),
    )?;
    let built = out.join(EBPF_TARGET).join("release").join(EBPF_PACKAGE);
    let object = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    // Written only if it differs: a new time stamp would rebuild the sensor.
    if fs::read(layout::ebpf_object()).ok().as_deref() != Some(&object[..]) {
        fs::write(layout::ebpf_object(), &object)
            .with_context(|| format!("cannot write {}", layout::ebpf_object().display()))?;
    }
    Ok(())
}

/// Builds and runs the sensor; its exit code becomes ours.
pub fn run_sensor(arguments: &[String]) -> Result<()> {
    toolchain::ensure()?;
    let binary = all(true)?;
    // Ctrl-C is for the sensor: it drains and stores, then we end.
    shell::defer_interrupts()?;
    let status = shell::status(shell::as_root(binary).args(arguments))?;
    std::process::exit(status.code().unwrap_or(1));
}
