//! What `doctor` found: one thing that capture needs, how it stands, and what to do about it.

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Short name, such as `kernel` or `front end socket`.
    pub name: String,
    /// How it stands.
    pub outcome: Outcome,
    /// What was found: a version, a path, an error.
    pub detail: String,
    /// What to do about it; `None` if nothing has to be done.
    pub remedy: Option<String>,
}

/// How one check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Works.
    Ok,
    /// Does not work, but capture is possible without it.
    Degraded,
    /// Does not work, and without it there is no capture.
    Failed,
}

impl Check {
    /// A check that went well.
    pub fn ok(name: impl Into<String>, detail: impl Into<String>) -> Check {
        Check { name: name.into(), outcome: Outcome::Ok, detail: detail.into(), remedy: None }
    }

    /// A check that failed, or that capture can do without.
    pub fn not_ok(
        name: impl Into<String>,
        outcome: Outcome,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Check {
        Check { name: name.into(), outcome, detail: detail.into(), remedy: Some(remedy.into()) }
    }
}
