//! Findings as people and programs read them: one document, and from it text, Markdown, a page and
//! SARIF. The document has the manual pages of the rules it names, so that each form stands alone.

pub mod document;
pub mod html;
pub mod markdown;
pub mod sarif;
pub mod stored;
pub mod text;

mod owasp;
