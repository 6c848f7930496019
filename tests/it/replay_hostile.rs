//! The real program reads captures that are made to cost, from a pipe: it goes on to the end, and what it
//! holds is bounded. The same at full length: `cargo xtask bench hostile`.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::hostile::{Hostile, KINDS};

/// MiB of each kind: past what connections and buffers of the agent hold.
const MIB: usize = 8;
/// MiB that it may have resident.
const RESIDENT_MIB_MAX: u64 = 256;

#[test]
fn captures_that_are_made_to_cost_are_read_in_bounded_memory() {
    let mut failures = Vec::new();
    for kind in KINDS {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_apicensus"))
            .args(["--store", "apis.db", "replay", "-"])
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = child.stdin.take().expect("a pipe");
        let mut part = Vec::new();
        let mut hostile = Hostile::new(kind, &mut part);
        let (mut sent, mut resident) = (0, 0);
        while sent < MIB << 20 {
            while part.len() < 256 << 10 {
                hostile.more(&mut part);
            }
            if input.write_all(&part).is_err() {
                break;
            }
            sent += part.len();
            part.clear();
            resident = resident_mib(child.id()).max(resident);
        }
        drop(input);
        while child.try_wait().expect("it can be waited for").is_none() {
            resident = resident_mib(child.id()).max(resident);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let mut said = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        let code = child.wait().expect("it ended").code();
        println!("{kind:?}: {resident} MiB, exit code {code:?}");
        if code != Some(0) || resident == 0 || resident > RESIDENT_MIB_MAX {
            failures.push(format!("{kind:?}: {resident} MiB, exit code {code:?}: {said}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Largest resident memory so far; 0 once it has ended.
fn resident_mib(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
