//! A page under construction. Only constants of this program go in as they are: everything else passes
//! an escape, so that no name from traffic can become markup.

use serde::Serialize;

use crate::report::{escape, format};

/// HTML so far.
#[derive(Default)]
pub(in crate::report) struct Markup(String);

impl Markup {
    /// Markup, or text that is known to need no escape.
    pub fn raw(&mut self, constant: &'static str) -> &mut Markup {
        self.0.push_str(constant);
        self
    }

    /// Text of any origin, between tags or in a quoted attribute.
    pub fn text(&mut self, text: &str) -> &mut Markup {
        self.0.push_str(&escape::for_html(text));
        self
    }

    /// `1,234`.
    pub fn number(&mut self, number: u64) -> &mut Markup {
        self.0.push_str(&format::grouped(number));
        self
    }

    /// A number as programs read it: part of an attribute.
    pub fn digits(&mut self, number: u64) -> &mut Markup {
        self.0.push_str(&number.to_string());
        self
    }

    /// A coordinate, to a tenth.
    pub fn coordinate(&mut self, at: f64) -> &mut Markup {
        let text = format!("{at:.1}");
        self.0.push_str(text.strip_suffix(".0").unwrap_or(&text));
        self
    }

    /// `1 call`, `2,000 calls`.
    pub fn count(&mut self, number: u64, noun: &'static str) -> &mut Markup {
        self.number(number).raw(" ").raw(noun).raw(if number == 1 { "" } else { "s" })
    }

    /// A path or name that may be broken behind `/`, `.` and `-` only; `{parameters}` stand out.
    pub fn path(&mut self, path: &str) -> &mut Markup {
        self.raw("<code>");
        for segment in path.split_inclusive('/') {
            let parameter = segment.starts_with('{') && segment.trim_end_matches('/').ends_with('}');
            if parameter {
                self.raw("<i>").text(segment.trim_end_matches('/')).raw("</i>");
                if segment.ends_with('/') {
                    self.raw("/");
                }
            } else {
                self.text(segment);
            }
            if segment.ends_with('/') && segment.len() > 1 {
                self.raw("<wbr>");
            }
        }
        self.raw("</code>")
    }

    /// A block of data for the script of the page.
    pub fn json(&mut self, data: &impl Serialize) -> &mut Markup {
        // Structs of texts, numbers and lists always serialize.
        let json = serde_json::to_string(data).unwrap_or_default();
        self.0.push_str(&escape::for_script(&json));
        self
    }

    /// What was built in another place.
    pub fn append(&mut self, other: Markup) -> &mut Markup {
        self.0.push_str(&other.0);
        self
    }

    pub fn end(self) -> String {
        self.0
    }
}
