//! Policy files and files of identities, read and checked.

use std::path::Path;

use super::Failure;
use super::guidance::text;
use crate::inventory::policy::Policy;
use crate::limits::POLICY_BYTES_MAX;
use crate::report::policy::Identities;

/// Reads a policy.
pub fn policy(path: &Path) -> Result<Policy, Failure> {
    let text = text("the policy", path, POLICY_BYTES_MAX)?;
    Policy::read(&text)
        .map_err(|fault| Failure::Usage(format!("cannot read the policy {}: {fault}", path.display())))
}

/// Reads who is who.
pub fn identities(path: &Path) -> Result<Identities, Failure> {
    let text = text("--identities", path, POLICY_BYTES_MAX)?;
    Identities::read(&text)
        .map_err(|fault| Failure::Usage(format!("cannot read --identities {}: {fault}", path.display())))
}
