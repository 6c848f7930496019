//! Names of levels and states and back: what stores and reports write. Stable for ever.

use super::{Level, StateKind};

impl Level {
    /// All of them, least first.
    pub const ALL: &'static [Level] = &[Level::Note, Level::Warning, Level::Error];

    /// As SARIF writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }

    /// The level of a name.
    pub fn of_name(name: &str) -> Option<Level> {
        Level::ALL.iter().copied().find(|level| level.name() == name)
    }
}

impl StateKind {
    /// All of them.
    pub const ALL: &'static [StateKind] =
        &[StateKind::Open, StateKind::Acknowledged, StateKind::Resolved, StateKind::Reopened];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            StateKind::Open => "open",
            StateKind::Acknowledged => "acknowledged",
            StateKind::Resolved => "resolved",
            StateKind::Reopened => "reopened",
        }
    }

    /// The state of a name.
    pub fn of_name(name: &str) -> Option<StateKind> {
        StateKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}
