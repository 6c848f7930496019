//! Names the architecture whose registers the program reads, as aya's own crates do: the one given, or
//! that of this host.

fn main() {
    println!("cargo::rerun-if-env-changed=CARGO_CFG_BPF_TARGET_ARCH");
    println!("cargo::rustc-check-cfg=cfg(bpf_target_arch, values(\"x86_64\", \"aarch64\"))");
    let arch = std::env::var("CARGO_CFG_BPF_TARGET_ARCH").or_else(|_| std::env::var("HOST"));
    if let Some(arch) = arch.ok().as_deref().and_then(|arch| arch.split('-').next()) {
        println!("cargo::rustc-cfg=bpf_target_arch=\"{arch}\"");
    }
}
