//! An endpoint into paths that calls of it may have, since policies match paths and not templates. There
//! are several for each kind of value, so that a policy that takes one value by name denies the others.

use crate::call::{Place, SegmentKind};
use crate::inventory::catalog::Endpoint;
use crate::inventory::policy::{Part, Pattern};
use crate::report::policy::regex::coded;

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report::policy) struct Sample {
    /// As clients write it.
    pub(super) path: String,
    /// Calls may have a query behind it.
    pub(super) query: bool,
}

/// Values that are tried for each parameter.
const COUNT: usize = 4;

/// Paths of an endpoint; one if it has no parameters.
pub(in crate::report::policy) fn samples(endpoint: &Endpoint, pattern: &Pattern) -> Vec<Sample> {
    let query = endpoint.stats.fields.keys().any(|field| field.place == Place::Query);
    let mut samples: Vec<Sample> =
        (0..COUNT).map(|number| Sample { path: path(pattern, number), query }).collect();
    samples.dedup();
    samples
}

fn path(pattern: &Pattern, number: usize) -> String {
    let mut text = String::new();
    for segment in &pattern.segments {
        text.push('/');
        for part in segment {
            match part {
                Part::Text(literal) => text.push_str(&coded(literal)),
                Part::Value { kind, .. } => text.push_str(value(*kind, number)),
            }
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

fn value(kind: SegmentKind, number: usize) -> &'static str {
    let values: [&str; COUNT] = match kind {
        SegmentKind::Integer => ["0", "42", "1234567", "9007199254740993"],
        SegmentKind::Uuid => [
            "6f1c2a9e-8b1d-4c3e-9f00-0123456789ab",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "c232ab00-9414-11ec-b3c8-9f68deced846",
            "00112233-4455-6677-8899-aabbccddeeff",
        ],
        SegmentKind::Hex => {
            ["deadbeef01", "0a1b2c3d", "507f1f77bcf86cd799439011", "9c56cc51b374c3ba189210d5"]
        }
        SegmentKind::Date => ["2026-01-31", "1999-12-01", "2026-01-31T12:00:00Z", "2024-02-29"],
        SegmentKind::Email => ["a@example.org", "first.last%40example.com", "b-c@example.net", "d@e.example"],
        SegmentKind::Text | SegmentKind::Names | SegmentKind::Words => {
            ["x", "Zo%C3%AB", "some-words_here.v2", "A~1+b"]
        }
    };
    values[number % COUNT]
}
