//! To come.

use super::document::Findings;

/// To come.
pub fn render(_: &Findings) -> String {
    String::new()
}
