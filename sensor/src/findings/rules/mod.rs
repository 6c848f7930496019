//! All rules, one file each.

pub mod undocumented_endpoint;

use super::Rule;

/// Every rule, sorted by id.
pub const RULES: &[&Rule] = &[&undocumented_endpoint::RULE];
