//! Stands in for live capture in a build without the feature `kernel`.

/// Why live capture is not possible.
#[derive(Debug, thiserror::Error)]
#[error("this build has no live capture; build it with `cargo xtask build`")]
pub struct KernelError;
