//! Stands in for live capture in a build without the feature `kernel`.

/// Why live capture is not possible.
#[derive(Debug, thiserror::Error)]
#[error("this build has no live capture; build it with `cargo xtask build`")]
pub struct KernelError;

/// Says that there is nothing to check.
pub fn checks() -> Vec<super::check::Check> {
    vec![super::check::Check::not_ok(
        "live capture",
        super::check::Outcome::Failed,
        "not built into this program",
        "build it with `cargo xtask build`",
    )]
}
