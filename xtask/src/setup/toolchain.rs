//! The compiler and the linker for the eBPF side.
//!
//! `bpfel-unknown-none` has no prebuilt `core`: it is built from source, so a rustc is needed that
//! has the standard library's source beside it. Any rustup toolchain with `rust-src` will do, else
//! Debian's `rustc-web` with `rust-web-src`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{layout, setup, shell};

/// Versions from 0.11 on want a system LLVM; 0.10 loads the compiler's own.
const BPF_LINKER: &str = "0.10.3";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "rust-web-src", "rust-web-llvm"];
const DEBIAN_CLIPPY: &str = "rust-web-clippy";

/// A compiler with the source of its standard library.
pub enum Toolchain {
    /// A rustup toolchain of that name.
    Rustup(String),
    /// A rustc outside of rustup; the workspace's own cargo drives it.
    Rustc(PathBuf),
}

impl Toolchain {
    /// `cargo` with this compiler.
    pub fn cargo(&self) -> Command {
        let mut command = match self {
            Toolchain::Rustup(name) => {
                let mut command = Command::new("rustup");
                command.args(["run", name, "cargo"]);
                command.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC").env_remove("CARGO");
                command
            }
            Toolchain::Rustc(rustc) => {
                let mut command = shell::cargo();
                command.env("RUSTC", rustc);
                command
            }
        };
        // `-Z build-std` on whatever channel the compiler is from.
        command.env("RUSTC_BOOTSTRAP", "1");
        command
    }

    /// The clippy of this very compiler, if it is installed: another's cannot read its library.
    pub fn clippy_driver(&self) -> Option<PathBuf> {
        let driver = match self {
            Toolchain::Rustup(name) => rustup_home().join("toolchains").join(name).join("bin/clippy-driver"),
            Toolchain::Rustc(rustc) => rustc.with_file_name("clippy-driver"),
        };
        driver.is_file().then_some(driver)
    }

    fn name(&self) -> String {
        match self {
            Toolchain::Rustup(name) => format!("rustup toolchain {name} with rust-src"),
            Toolchain::Rustc(path) => format!("{} with its library source", path.display()),
        }
    }
}

/// Installs what is missing of compiler and linker.
pub fn ensure() -> Result<()> {
    shell::announce("set-up: eBPF toolchain");
    match find() {
        Some(toolchain) => shell::present(&toolchain.name()),
        None => install()?,
    }
    if find_linker().is_some() {
        shell::present(&format!("bpf-linker {BPF_LINKER}"));
        return Ok(());
    }
    shell::step(
        &format!("cargo install bpf-linker {BPF_LINKER}"),
        shell::cargo()
            .args(["install", "bpf-linker", "--locked", "--version", BPF_LINKER, "--root"])
            .arg(layout::tools()),
    )
}

/// Makes sure of rustfmt and clippy, which a minimal rustup profile leaves out; of the clippy for the
/// eBPF compiler only where it is a Debian package.
pub fn ensure_checkers() -> Result<()> {
    for name in ["fmt", "clippy"] {
        if shell::first_line(shell::cargo().args([name, "--version"])).is_none() {
            let component = if name == "fmt" { "rustfmt" } else { name };
            shell::step(
                &format!("rustup component add {component}"),
                Command::new("rustup").args(["component", "add", component]),
            )?;
        }
    }
    if let Some(toolchain @ Toolchain::Rustc(_)) = find()
        && toolchain.clippy_driver().is_none()
        && setup::apt_knows(DEBIAN_CLIPPY)?
    {
        setup::apt_install(&[DEBIAN_CLIPPY])?;
    }
    Ok(())
}

/// The compiler to use, if one is there.
pub fn find() -> Option<Toolchain> {
    let toolchains = rustup_home().join("toolchains");
    let mut names: Vec<String> = fs::read_dir(&toolchains)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| has_source(&toolchains.join(name)))
        .collect();
    // Nightly first: it needs no bootstrap exemption.
    names.sort_by_key(|name| (!name.starts_with("nightly"), name.clone()));
    if let Some(name) = names.into_iter().next() {
        return Some(Toolchain::Rustup(name));
    }
    let rustc = PathBuf::from(DEBIAN_RUSTC);
    let sysroot = shell::first_line(Command::new(&rustc).args(["--print", "sysroot"]))?;
    has_source(Path::new(&sysroot)).then_some(Toolchain::Rustc(rustc))
}

/// The linker to use, if the right version is there.
pub fn find_linker() -> Option<PathBuf> {
    let cargo_home =
        std::env::var_os("CARGO_HOME").map(PathBuf::from).unwrap_or_else(|| home().join(".cargo"));
    [layout::tools().join("bin/bpf-linker"), cargo_home.join("bin/bpf-linker")].into_iter().find(|path| {
        shell::first_line(Command::new(path).arg("--version")).is_some_and(|line| line.ends_with(BPF_LINKER))
    })
}

fn install() -> Result<()> {
    if setup::apt_knows(DEBIAN_PACKAGES[0])? {
        setup::apt_install(DEBIAN_PACKAGES)?;
    } else if shell::on_path("rustup") {
        shell::step(
            "rustup toolchain install nightly with rust-src",
            Command::new("rustup")
                .args(["toolchain", "install", "nightly", "--profile", "minimal", "--component", "rust-src"])
                .env_remove("RUSTUP_TOOLCHAIN"),
        )?;
    }
    if find().is_none() {
        bail!(
            "no Rust compiler with the source of its standard library; install one of: \
             `rustup toolchain install nightly --component rust-src`, or Debian's {}",
            DEBIAN_PACKAGES.join(" ")
        );
    }
    Ok(())
}

fn has_source(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file()
        && sysroot.join("lib/rustlib/src/rust/library/Cargo.lock").is_file()
}

fn rustup_home() -> PathBuf {
    std::env::var_os("RUSTUP_HOME").map(PathBuf::from).unwrap_or_else(|| home().join(".rustup"))
}

fn home() -> PathBuf {
    std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default()
}

/// The linker, or what to do.
pub fn linker() -> Result<PathBuf> {
    find_linker().with_context(|| format!("bpf-linker {BPF_LINKER} is missing; run `cargo xtask setup`"))
}
