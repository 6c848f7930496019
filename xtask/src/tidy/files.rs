//! Names, sizes and openings of files, and what may stand at the top of the repository.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Problem, Source};

const LINES_MAX: usize = 800;

/// Names that say where a thing was put, not what it is.
const BANNED_NAMES: &[&str] = &["types.rs", "utils.rs", "util.rs", "common.rs", "helpers.rs", "misc.rs"];

/// Everything that may lie at the top.
const TOP_LEVEL: &[&str] = &[
    ".cargo",
    ".ci",
    ".git",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "rustfmt.toml",
    "schema",
    "sensor",
    "sensor-ebpf",
    "target",
    "tests",
    "xtask",
];

/// Lines of a findings rule's opening comment: it is the rule's manual page.
const RULE_DOC_LINES_MIN: usize = 3;

/// Entries at the top that do not belong there.
pub fn top_level(root: &Path) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))? {
        let name = entry.context("cannot read a folder entry")?.file_name().to_string_lossy().into_owned();
        if !TOP_LEVEL.contains(&&*name) {
            let what = "the top level is fixed by the owner; move it below one of its folders";
            problems.push(Problem { path: name, line: 0, what: what.to_owned() });
        }
    }
    Ok(problems)
}

/// Problems of one Rust file.
pub fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    let name = source.path.rsplit('/').next().unwrap_or_default();
    if BANNED_NAMES.contains(&name) {
        problems.push(source.problem(0, "a file is named after what it does; split it by that"));
    }
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        problems
            .push(source.problem(LINES_MAX, format!("{lines} lines, over {LINES_MAX}: it is two things")));
    }
    let opening = opening(&source.text);
    if opening == 0 {
        problems.push(source.problem(1, "must begin with `//!`: what it turns into what"));
    } else if source.path.contains("/findings/rules/")
        && !name.starts_with("mod.")
        && opening < RULE_DOC_LINES_MIN
    {
        problems
            .push(source.problem(1, "a rule's opening comment is its manual page: what, why, what to do"));
    }
    problems
}

/// Lines of `//!` at the beginning, after inner attributes.
fn opening(text: &str) -> usize {
    text.lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty() || line.starts_with("#!["))
        .take_while(|line| line.starts_with("//!"))
        .count()
}
