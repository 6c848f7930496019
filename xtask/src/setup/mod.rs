//! Makes sure that everything is there which a build, the tests and the demo need.
//!
//! Every part is checked first, so that a second run takes a moment. System packages come from
//! Debian; all else goes to `target/tools` and leaves the machine as it was.

pub mod servers;
pub mod toolchain;

use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::shell;

/// System packages by the program that shows their presence.
const PACKAGES: &[(&str, &str)] = &[
    ("cc", "gcc"),
    ("ip", "iproute2"),
    ("curl", "curl"),
    ("nginx", "nginx-light"),
    ("wrk", "wrk"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("python3", "python3"),
    ("setpriv", "util-linux"),
    ("tcpdump", "tcpdump"),
    ("tshark", "tshark"),
    ("nghttp", "nghttp2-client"),
    ("nghttpd", "nghttp2-server"),
    ("openssl", "openssl"),
    ("wget", "wget"),
];

/// Programs that the tests of HTML reports can use, which are packages of the same name: the smaller one
/// first, which older releases of Debian do not have.
const BROWSERS: &[&str] = &["chromium-headless-shell", "chromium"];

/// Checks and installs all of it.
pub fn run() -> Result<()> {
    shell::announce("set-up: system packages");
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(program, _)| !shell::on_path(program))
        .map(|&(_, package)| package)
        .collect();
    if missing.is_empty() {
        shell::present("nginx, wrk, node, python3, curl, iproute2, tcpdump, tshark, nghttp2, openssl, wget");
    } else {
        apt_install(&missing)?;
    }
    toolchain::ensure()?;
    servers::ensure()?;
    browser()
}

/// A browser without windows, for the tests of HTML reports: about 290 MB on disk and 80 MB to load
/// where its libraries are there already. A whole Chromium, if it is there, does as well.
fn browser() -> Result<()> {
    shell::announce("set-up: browser");
    match BROWSERS.iter().find(|program| shell::on_path(program)) {
        Some(program) => {
            shell::present(program);
            Ok(())
        }
        None if apt_knows(BROWSERS[0])? => apt_install(&BROWSERS[..1]),
        None => apt_install(&BROWSERS[1..2]),
    }
}

/// Installs a Debian package unless its program is there.
pub fn ensure_package(program: &str, package: &str) -> Result<()> {
    if shell::on_path(program) { Ok(()) } else { apt_install(&[package]) }
}

/// Installs Debian packages, after one `apt-get update` per run.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if !shell::on_path("apt-get") {
        bail!(
            "missing: {list} (Debian's names); this machine has no apt-get, install them with its own tool"
        );
    }
    if !shell::is_root() && !shell::on_path("sudo") {
        bail!("missing: {list}; run as root: apt-get install -y --no-install-recommends {list}");
    }
    apt_update()?;
    shell::step(
        &format!("apt-get install {list}"),
        shell::as_root("apt-get")
            .args(["-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold"])
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
    .with_context(|| format!("install by hand: {list}"))
}

/// Whether the package lists know a package, after one `apt-get update` per run.
pub fn apt_knows(package: &str) -> Result<bool> {
    if !shell::on_path("apt-cache") || (!shell::is_root() && !shell::on_path("sudo")) {
        return Ok(false);
    }
    apt_update()?;
    let output =
        Command::new("apt-cache").args(["policy", package]).output().context("cannot run apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().any(|line| line.trim().starts_with("Candidate:") && !line.contains("(none)")))
}

fn apt_update() -> Result<()> {
    static DONE: OnceLock<()> = OnceLock::new();
    if DONE.get().is_none() {
        shell::step(
            "apt-get update",
            shell::as_root("apt-get").args(["-o", "DPkg::Lock::Timeout=300", "update"]),
        )?;
        DONE.get_or_init(|| ());
    }
    Ok(())
}
