//! Why a specification is of no use: the file, the place in it, the reason.

use std::fmt;

/// What is wrong with a specification, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named.
    pub file: String,
    /// JSON pointer into it; empty for the whole.
    pub pointer: String,
    /// Line, from 1; 0 where it is not known or the pointer tells.
    pub line: usize,
    /// What is wrong, and what is right.
    pub what: String,
}

impl Fault {
    pub(super) fn at(file: &str, pointer: &str, what: impl Into<String>) -> Fault {
        Fault { file: file.to_owned(), pointer: pointer.to_owned(), line: 0, what: what.into() }
    }
}

/// Without the file: who reads files names them in their own way.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.pointer.as_str()) {
            (0, "") => f.write_str(&self.what),
            (0, pointer) => write!(f, "at {pointer}: {}", self.what),
            (line, _) => write!(f, "line {line}: {}", self.what),
        }
    }
}

/// A step of a JSON pointer (RFC 6901 section 3).
pub(super) fn escaped(step: &str) -> String {
    if step.contains(['~', '/']) { step.replace('~', "~0").replace('/', "~1") } else { step.to_owned() }
}
