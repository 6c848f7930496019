//! Files that say something about routes, read and checked: `--hints` and `--openapi`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Failure;
use crate::cli;
use crate::inventory::guidance::{self, Fault, Guidance};
use crate::limits::{HINTS_BYTES_MAX, OPENAPI_BYTES_MAX};

/// Reads what people say about routes.
///
/// # Errors
/// A file cannot be read, or is wrong: the error names it, the line as far as it is known, and what
/// would be right.
pub fn guidance(typed: &cli::Routes) -> Result<Guidance, Failure> {
    let mut all = Guidance::default();
    if let Some(path) = &typed.hints {
        let text = text("--hints", path, HINTS_BYTES_MAX)?;
        all.hints = guidance::read_hints(&text).map_err(|fault| wrong("--hints", path, &fault))?;
    }
    for typed in &typed.openapi {
        let (service, path) = service_and_file(typed);
        let text = text("--openapi", path, OPENAPI_BYTES_MAX)?;
        let documents = guidance::read_openapi(&text, service);
        all.documents.extend(documents.map_err(|fault| wrong("--openapi", path, &fault))?);
    }
    Ok(all)
}

/// `SERVICE=FILE`, or a file; what exists as a whole is a file.
fn service_and_file(typed: &str) -> (Option<&str>, &Path) {
    match typed.split_once('=') {
        Some((service, file))
            if !service.is_empty() && !service.contains('/') && !Path::new(typed).exists() =>
        {
            (Some(service), Path::new(file))
        }
        _ => (None, Path::new(typed)),
    }
}

pub(super) fn text(option: &str, path: &Path, bytes_max: u64) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Err(Failure::Usage(format!("cannot read {option} {}: {error}", path.display())));
    }
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::Usage(format!(
            "cannot read {option} {}: it has more than {} MiB",
            path.display(),
            bytes_max >> 20
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + memchr::memchr_iter(b'\n', valid).count();
        Failure::Usage(format!("cannot read {option} {}: line {line}: this is no UTF-8", path.display()))
    })
}

fn wrong(option: &str, path: &Path, fault: &Fault) -> Failure {
    Failure::Usage(format!("cannot read {option} {}: {fault}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_before_files() {
        for (typed, service, file) in [
            ("a.yaml", None, "a.yaml"),
            ("shop:8080=a.yaml", Some("shop:8080"), "a.yaml"),
            ("*.shop=dir/a=b.yaml", Some("*.shop"), "dir/a=b.yaml"),
            ("dir/a=b.yaml", None, "dir/a=b.yaml"),
            ("=a.yaml", None, "=a.yaml"),
        ] {
            assert_eq!(service_and_file(typed), (service, Path::new(file)), "{typed}");
        }
    }
}
