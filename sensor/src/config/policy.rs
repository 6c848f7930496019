//! Policy files and files of identities, read and checked.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::Failure;
use super::guidance::text;
use crate::inventory::policy::Policy;
use crate::limits::{MANIFESTS_MAX, POLICY_BYTES_MAX};
use crate::report::policy::{Identities, Manifests, is_manifest};

/// Reads a policy.
pub fn policy(path: &Path) -> Result<Policy, Failure> {
    let text = text("the policy", path, POLICY_BYTES_MAX)?;
    own(path, &text)
}

/// What a check is given.
#[derive(Debug)]
pub enum Given {
    /// Our own form.
    Own(Policy),
    /// Those of other tools.
    Manifests(Manifests),
}

/// Reads a policy of our own form or manifests: a file, or all YAML and JSON files of a folder.
pub fn given(path: &Path) -> Result<Given, Failure> {
    if path.is_dir() {
        return folder(path).map(Given::Manifests);
    }
    let text = text("the policy", path, POLICY_BYTES_MAX)?;
    if !is_manifest(&text) {
        return own(path, &text).map(Given::Own);
    }
    let mut manifests = Manifests::default();
    add(&mut manifests, path, &text)?;
    Ok(Given::Manifests(manifests))
}

fn folder(path: &Path) -> Result<Manifests, Failure> {
    let cannot = |error| Failure::Usage(format!("cannot read the policies in {}: {error}", path.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        let is_one = |ending: &OsStr| ["yaml", "yml", "json"].iter().any(|known| ending == *known);
        if file.extension().is_some_and(is_one) && file.is_file() {
            files.push(file);
        }
        if files.len() > MANIFESTS_MAX {
            return Err(Failure::Usage(format!(
                "there are more than {MANIFESTS_MAX} files in {}",
                path.display()
            )));
        }
    }
    files.sort();
    let (mut manifests, mut bytes) = (Manifests::default(), 0);
    for file in files {
        let text = text("the policy", &file, POLICY_BYTES_MAX - bytes)?;
        bytes += text.len() as u64;
        add(&mut manifests, &file, &text)?;
    }
    if manifests.is_empty() {
        return Err(Failure::Usage(format!("there are no manifests in {}", path.display())));
    }
    Ok(manifests)
}

fn add(manifests: &mut Manifests, path: &Path, text: &str) -> Result<(), Failure> {
    manifests
        .read(text)
        .map_err(|fault| Failure::Usage(format!("cannot read the policy {}: {fault}", path.display())))
}

fn own(path: &Path, text: &str) -> Result<Policy, Failure> {
    Policy::read(text)
        .map_err(|fault| Failure::Usage(format!("cannot read the policy {}: {fault}", path.display())))
}

/// Reads who is who.
pub fn identities(path: &Path) -> Result<Identities, Failure> {
    let text = text("--identities", path, POLICY_BYTES_MAX)?;
    Identities::read(&text)
        .map_err(|fault| Failure::Usage(format!("cannot read --identities {}: {fault}", path.display())))
}
