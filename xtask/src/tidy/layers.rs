//! Who may import whom in `sensor/src`, which crates stay where, and what the pure core may not touch.

use super::{Problem, Source, has_word};

const VOCABULARY: &[&str] = &["flow", "limits", "counter"];

/// Each module and the stages that it may import besides itself and the vocabulary. Modules of the
/// outermost layer (`config`, `cli`, `command`, `main`, `lib`) import all.
const LAYERS: &[(&str, &[&str])] = &[
    ("flow", &[]),
    ("limits", &[]),
    ("counter", &[]),
    ("source", &[]),
    ("stream", &["source"]),
    ("protocol", &["stream"]),
    ("call", &["protocol"]),
    ("inventory", &["call"]),
    ("findings", &["call", "inventory"]),
    // `call` for the words that make up an inventory (method, place, credential).
    ("store", &["call", "inventory", "findings"]),
    ("report", &["call", "inventory", "findings"]),
    ("notify", INNER),
    ("serve", INNER),
    ("telemetry", INNER),
    ("pipeline", INNER_AND_RIM),
];

const INNER: &[&str] = &["source", "stream", "protocol", "call", "inventory", "findings", "store", "report"];
const INNER_AND_RIM: &[&str] = &[
    "source",
    "stream",
    "protocol",
    "call",
    "inventory",
    "findings",
    "store",
    "report",
    "notify",
    "serve",
    "telemetry",
    "config",
];

const OUTERMOST: &[&str] = &["config", "cli", "command", "main", "lib"];

/// Crates and the only modules that may name them.
const CRATE_HOMES: &[(&str, &[&str])] = &[
    ("aya", &["source"]),
    ("aya_log", &["source"]),
    ("btfparse", &["source"]),
    ("sqlx", &["store"]),
    ("clap", &["cli", "command", "main"]),
    ("clap_complete", &["cli", "command"]),
];

/// Stages that are the same function of the same input, always.
const PURE: &[&str] = &["stream", "protocol", "call", "inventory", "findings", "report"];

/// Names that the pure stages may not use, and what they stand for.
const IMPURE: &[(&str, &str, &str)] = &[
    ("std", "fs", "file"),
    ("std", "env", "environment"),
    ("std", "thread", "thread"),
    ("std", "process", "process"),
    ("", "SystemTime", "clock"),
    ("", "Instant", "clock"),
    ("", "RandomState", "random"),
    ("", "getrandom", "random"),
    ("", "rand", "random"),
];

/// Types that hold bytes from traffic: they are moved, never copied or written out.
const RAW: &[&str] = &["Exchange", "Message", "Head"];

/// Problems of one Rust file.
pub fn check(source: &Source) -> Vec<Problem> {
    let mut problems = unsafe_code(source);
    let Some(module) = module_of(&source.path) else { return problems };
    if !OUTERMOST.contains(&module) && !LAYERS.iter().any(|(name, _)| *name == module) {
        problems.push(source.problem(0, format!("module {module} is not in the layer table of xtask")));
        return problems;
    }
    imports(source, module, &mut problems);
    for (line, code) in source.code() {
        for (name, homes) in CRATE_HOMES {
            if code.contains(&format!("{name}::")) && has_word(code, name) && !homes.contains(&module) {
                problems.push(source.problem(line, format!("{name} only in {}", homes.join(", "))));
            }
        }
        if PURE.contains(&module) {
            if has_word(code, "tokio") {
                problems.push(source.problem(line, format!("{module} is synchronous: no tokio")));
            }
            for (root, name, what) in IMPURE {
                let used = if root.is_empty() { has_word(code, name) } else { names(code, root, name) };
                if used {
                    problems.push(source.problem(line, format!("{module} is deterministic: no {what}")));
                }
            }
        }
    }
    if module == "protocol" {
        raw_types(source, &mut problems);
    }
    problems
}

/// `call` for `sensor/src/call/shape.rs` and `sensor/src/call.rs`; `None` outside of the sensor and
/// for its programs besides the main one.
fn module_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("sensor/src/")?;
    let first = rest.split('/').next()?;
    if first == "bin" {
        return None;
    }
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

/// Reports `crate::x` paths that the table does not allow, also inside of `use crate::{..}` lists.
fn imports(source: &Source, module: &str, problems: &mut Vec<Problem>) {
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else { return };
    for (line, name) in crate_paths(source) {
        let known = OUTERMOST.contains(&&*name) || LAYERS.iter().any(|(layer, _)| *layer == name);
        if known && name != module && !VOCABULARY.contains(&&*name) && !allowed.contains(&&*name) {
            problems.push(source.problem(line, format!("{module} may not import {name} (layer table)")));
        }
    }
}

/// First segment after each `crate::`, with its line; every first segment of a braced list.
fn crate_paths(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // Depth inside of `crate::{ ... }`, 0 when outside.
    let mut depth = 0usize;
    let mut at_start = false;
    for (line, code) in source.code() {
        let mut rest = code;
        while !rest.is_empty() {
            if depth == 0 {
                let Some(at) = rest.find("crate::") else { break };
                let joined = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
                rest = &rest[at + "crate::".len()..];
                if joined {
                    continue;
                }
                if let Some(list) = rest.strip_prefix('{') {
                    (depth, at_start, rest) = (1, true, list);
                } else {
                    found.push((line, identifier(rest)));
                }
            } else {
                let first = rest.chars().next().unwrap_or(' ');
                match first {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => at_start = true,
                    c if at_start && (c.is_alphabetic() || c == '_') => {
                        let name = identifier(rest);
                        at_start = false;
                        rest = &rest[name.len()..];
                        found.push((line, name));
                        continue;
                    }
                    _ => {}
                }
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    found
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether a line names `root::name`, alone or in a braced list on that line.
fn names(code: &str, root: &str, name: &str) -> bool {
    if has_word(code, &format!("{root}::{name}")) {
        return true;
    }
    code.find(&format!("{root}::{{")).is_some_and(|at| has_word(&code[at..], name))
}

fn unsafe_code(source: &Source) -> Vec<Problem> {
    // The kernel tests drive system calls that no safe wrapper offers.
    let border = ["sensor/src/source/", "sensor-ebpf/", "schema/", "tests/kernel/"];
    if border.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    source
        .code()
        .filter(|(_, code)| {
            ["{", "fn", "impl", "extern", "trait"]
                .iter()
                .any(|next| code.contains(&format!("unsafe {next}")) && !code.contains('"'))
        })
        .map(|(line, _)| {
            source.problem(line, "unsafe only at the kernel border (source, sensor-ebpf, schema)")
        })
        .collect()
}

fn raw_types(source: &Source, problems: &mut Vec<Problem>) {
    let mut derives = String::new();
    for (line, code) in source.code() {
        let trimmed = code.trim();
        for name in RAW {
            let declared = trimmed.starts_with(&format!("pub struct {name} "))
                || trimmed.starts_with(&format!("struct {name} "));
            let copies = ["Clone", "Copy", "Serialize", "Deserialize"];
            let derived = declared && copies.iter().any(|copy| has_word(&derives, copy));
            let written = copies
                .iter()
                .any(|copy| trimmed.starts_with("impl") && trimmed.contains(&format!("{copy} for {name}")));
            if derived || written {
                problems.push(
                    source.problem(line, format!("{name} holds raw values: neither Clone nor Serialize")),
                );
            }
        }
        if trimmed.starts_with("#[") {
            derives.push_str(trimmed);
        } else if !trimmed.is_empty() {
            derives.clear();
        }
    }
}
