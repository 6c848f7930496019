//! All rules, one file each.

use super::Rule;

/// Every rule, sorted by id.
pub const RULES: &[&Rule] = &[];
