//! Rules of this repository's source that no compiler checks: layers, purity, words, sizes, layout.
//!
//! Runs as `cargo xtask tidy` and as a test. It reads text, line by line, and does not parse Rust: a
//! rule that needs more belongs into a type or a lint.

mod files;
mod layers;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{layout, shell};

/// Folders that hold nothing of ours.
const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "node_modules", "corpus", "artifacts"];

/// One text file of the repository.
pub struct Source {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path from the root.
    pub path: String,
    /// Line from 1 on; 0 for the whole file.
    pub line: usize,
    /// What is wrong and what to do.
    pub what: String,
}

/// Checks this repository, or another checkout of it, and prints what is wrong.
pub fn run(root: Option<&Path>) -> Result<()> {
    shell::announce("tidy");
    let problems = check(root.unwrap_or(&layout::root()))?;
    for problem in &problems {
        eprintln!("{}:{}: {}", problem.path, problem.line, problem.what);
    }
    if !problems.is_empty() {
        bail!("tidy found {} problem(s)", problems.len());
    }
    Ok(())
}

/// All problems of the repository at `root`, in order of path and line.
pub fn check(root: &Path) -> Result<Vec<Problem>> {
    let mut sources = Vec::new();
    collect(root, root, &mut sources)?;
    let mut problems = files::top_level(root)?;
    for source in &sources {
        problems.extend(words::check(source));
        if source.path.ends_with(".rs") {
            problems.extend(files::check(source));
            problems.extend(layers::check(source));
        }
    }
    problems.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(problems)
}

impl Source {
    /// Lines of code with their number: comments cut off, in-file test modules left out.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("\n#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        self.text[..end].lines().enumerate().map(|(number, line)| {
            let code = match line.find("//") {
                // Not the slashes of an URL in a string.
                Some(at) if !line[..at].ends_with(':') => &line[..at],
                _ => line,
            };
            (number + 1, code)
        })
    }

    /// A problem of this file.
    pub fn problem(&self, line: usize, what: impl Into<String>) -> Problem {
        Problem { path: self.path.clone(), line, what: what.into() }
    }
}

/// Whether `code` has `word` with no letter, digit or underscore around it.
pub fn has_word(code: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(joins) && !code[at + word.len()..].starts_with(joins))
}

fn collect(root: &Path, folder: &Path, into: &mut Vec<Source>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_symlink() || SKIPPED_FOLDERS.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, into)?;
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            into.push(Source { path, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_tidy() {
        let problems = check(&layout::root()).expect("the repository can be read");
        assert!(problems.is_empty(), "{problems:#?}");
    }

    /// Problems of a repository that holds this one file.
    fn problems(path: &str, text: &str) -> Vec<String> {
        let root = tempfile::tempdir().expect("a temporary folder");
        let file = root.path().join(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("folder");
        fs::write(&file, text).expect("file");
        check(root.path()).expect("readable").into_iter().map(|problem| problem.what).collect()
    }

    #[track_caller]
    fn assert_problem(path: &str, text: &str, part: &str) {
        let found = problems(path, text);
        assert!(found.iter().any(|what| what.contains(part)), "{path}: {found:?} lacks {part:?}");
        assert_eq!(found.len(), 1, "{path}: {found:?}");
    }

    #[test]
    fn layers_are_kept() {
        assert_problem(
            "sensor/src/stream/a.rs",
            "//! x\nuse crate::protocol::Exchange;\n",
            "stream may not import protocol",
        );
        assert_problem(
            "sensor/src/inventory/mod.rs",
            "//! x\nfn f() { crate::protocol::f() }\n",
            "inventory may not import protocol",
        );
        assert_problem(
            "sensor/src/store/sqlite.rs",
            "//! x\nuse crate::{flow::Peer, report::Row};\n",
            "store may not import report",
        );
        assert_problem("sensor/src/flow.rs", "//! x\nuse crate::call::Call;\n", "flow may not import call");
        assert_problem(
            "sensor/src/pipeline.rs",
            "//! x\nuse crate::{\n    flow::Peer,\n    cli::Arguments,\n};\n",
            "pipeline may not import cli",
        );
        assert_problem("sensor/src/new_stage.rs", "//! x\n", "not in the layer table");
        assert!(
            problems(
                "sensor/src/call/mod.rs",
                "//! x crate::source::Event\nuse crate::protocol::Exchange;\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn crates_stay_in_their_stage() {
        assert_problem("sensor/src/pipeline.rs", "//! x\nuse aya::Ebpf;\n", "aya only in source");
        assert_problem("sensor/src/report/text.rs", "//! x\nuse sqlx::Row;\n", "sqlx only in store");
        assert_problem("sensor/src/config.rs", "//! x\nuse clap::Parser;\n", "clap only in");
        assert_problem(
            "sensor/src/stream/mod.rs",
            "//! x\nfn f() { tokio::spawn(g()); }\n",
            "stream is synchronous",
        );
        assert!(problems("sensor/src/source/mod.rs", "//! x\nuse aya::Ebpf;\nuse tokio::io;\n").is_empty());
    }

    #[test]
    fn the_core_is_pure() {
        assert_problem("sensor/src/call/a.rs", "//! x\nuse std::time::{Duration, Instant};\n", "no clock");
        assert_problem("sensor/src/report/a.rs", "//! x\nlet t = std::fs::read(p);\n", "no file");
        assert_problem("sensor/src/protocol/a.rs", "//! x\nuse std::{env, fmt};\n", "no environment");
        assert!(
            problems("sensor/src/call/a.rs", "//! x\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n")
                .is_empty()
        );
    }

    #[test]
    fn raw_values_cannot_be_copied_on() {
        let text = "//! x\n#[derive(Debug, Clone)]\npub struct Exchange {}\n";
        assert_problem("sensor/src/protocol/mod.rs", text, "Exchange holds raw values");
        assert_problem(
            "sensor/src/protocol/a.rs",
            "//! x\nimpl Clone for Head {\n}\n",
            "Head holds raw values",
        );
        assert!(
            problems("sensor/src/protocol/mod.rs", "//! x\n#[derive(Debug)]\npub struct Exchange {}\n")
                .is_empty()
        );
    }

    #[test]
    fn unsafe_stays_at_the_border() {
        assert_problem("sensor/src/store/a.rs", "//! x\nfn f() { unsafe { g() } }\n", "unsafe only");
        assert!(problems("sensor/src/source/a.rs", "//! x\nfn f() { unsafe { g() } }\n").is_empty());
    }

    #[test]
    fn files_are_named_sized_and_described() {
        assert_problem("sensor/src/call/utils.rs", "//! x\n", "named after what it does");
        assert_problem("sensor/src/call/a.rs", "use std::fmt;\n", "begin with `//!`");
        assert_problem("sensor/src/call/a.rs", &format!("//! x\n{}", "\n".repeat(900)), "over 800");
        assert_problem("sensor/src/findings/rules/a.rs", "//! x\n", "manual page");
        assert!(problems("sensor-ebpf/src/main.rs", "#![no_std]\n#![no_main]\n//! x\n").is_empty());
        assert_problem("docs/a.md", "x\n", "fixed by the owner");
    }

    #[test]
    fn words_of_the_house() {
        assert_problem("README.md", &format!("see {}{}\n", "/wo", "rk/main"), "outside of the repository");
        assert_problem("sensor/src/call/a.rs", "//! x\nfn get_name() {}\n", "get_");
        assert_problem("sensor/src/call/a.rs", "//! x\nstruct StoreManager;\n", "Manager");
    }
}
