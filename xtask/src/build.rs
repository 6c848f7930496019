//! Builds the kernel side with its own compiler into `target/ebpf/apicensus.bpf.o`, then the sensor
//! that carries this object. Cargo decides what is out of date.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::toolchain::{self, Toolchain};
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
    let toolchain = toolchain::find().context(NO_COMPILER)?;
    shell::run(&mut for_ebpf(&toolchain, "build")?)?;
    let built = ebpf_output().join(EBPF_TARGET).join("release").join(EBPF_PACKAGE);
    let object = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    // Written only if it differs: a new time stamp would rebuild the sensor.
    if fs::read(layout::ebpf_object()).ok().as_deref() != Some(&object[..]) {
        fs::write(layout::ebpf_object(), &object)
            .with_context(|| format!("cannot write {}", layout::ebpf_object().display()))?;
    }
    Ok(())
}

/// Lints the kernel side by the clippy that belongs to its compiler, if there is one.
pub fn lint_ebpf() -> Result<()> {
    let toolchain = toolchain::find().context(NO_COMPILER)?;
    let Some(driver) = toolchain.clippy_driver() else {
        eprintln!("    no clippy beside the compiler of {EBPF_PACKAGE}: it is not linted");
        return Ok(());
    };
    // As `cargo clippy` does it, which would take the driver of another compiler.
    shell::run(
        for_ebpf(&toolchain, "check")?
            .env("RUSTC_WORKSPACE_WRAPPER", driver)
            .env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"),
    )
}

const NO_COMPILER: &str = "no compiler for eBPF; run `cargo xtask setup`";

fn ebpf_output() -> PathBuf {
    layout::target().join("ebpf")
}

/// `cargo ACTION` on the kernel side. The same flags for all actions, so that they share `core`.
fn for_ebpf(toolchain: &Toolchain, action: &str) -> Result<Command> {
    let linker = toolchain::linker()?;
    let flags =
        ["-Cdebuginfo=2".to_owned(), format!("-Clinker={}", linker.display()), "-Clink-arg=--btf".to_owned()];
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(layout::root().join(EBPF_PACKAGE))
        .args([action, "--release", "--target", EBPF_TARGET, "-Z", "build-std=core", "--target-dir"])
        .arg(ebpf_output())
        // Separated so that a path with a space stays one flag.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env_remove("RUSTFLAGS");
    Ok(cargo)
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
