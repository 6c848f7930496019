//! Words that may stand nowhere, and forms of names that this code does not use.

use super::{Problem, Source};

/// Words of the places where this is developed, in halves so that this list does not match itself.
const FOREIGN: &[(&str, &str)] = &[("/wo", "rk/"), ("../sha", "red/"), ("/tmp/", "wt/"), ("work", "place")];

/// Endings of type names that say nothing.
const EMPTY_ENDINGS: &[&str] = &["Manager", "Handler", "Helper"];

/// Problems of one text file.
pub fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        if FOREIGN.iter().any(|(a, b)| line.contains(&format!("{a}{b}"))) {
            problems.push(source.problem(number + 1, "names a place outside of the repository"));
        }
    }
    if !source.path.ends_with(".rs")
        || !["sensor/", "sensor-ebpf/", "schema/"].iter().any(|p| source.path.starts_with(p))
    {
        return problems;
    }
    for (line, code) in source.code() {
        if code.contains("fn get_") {
            problems.push(source.problem(line, "a getter has the name of what it gives: no get_"));
        }
        for keyword in ["struct ", "enum ", "trait "] {
            let Some(at) = code.find(keyword) else { continue };
            let name: String =
                code[at + keyword.len()..].chars().take_while(|c| c.is_alphanumeric()).collect();
            if let Some(ending) = EMPTY_ENDINGS.iter().find(|ending| name.ends_with(**ending)) {
                problems
                    .push(source.problem(line, format!("{name}: {ending} says nothing; name what it is")));
            }
        }
    }
    problems
}
