//! CPU time of processes, from /proc.

use std::fs;

use anyhow::{Context, Result};

/// A process and all that it started, in order of age.
pub fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    // Ends: a process is listed by one parent only.
    while let Some(&parent) = all.get(next) {
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        all.extend(children.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        next += 1;
    }
    all
}

/// Nanoseconds that the threads of these processes have run so far. A thread that has ended is not in
/// the sum: for servers and agents whose threads live as long as they do.
pub fn nanoseconds(pids: &[u32]) -> Result<u64> {
    let mut sum = 0;
    for pid in pids {
        let folder = format!("/proc/{pid}/task");
        for thread in fs::read_dir(&folder).with_context(|| format!("cannot list {folder}"))? {
            let path = thread.with_context(|| format!("cannot list {folder}"))?.path().join("schedstat");
            // A thread may end between the two reads.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let first = text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
            sum += first.with_context(|| format!("{} holds no number", path.display()))?;
        }
    }
    Ok(sum)
}

/// Largest resident memory that a process has had, in KiB.
pub fn resident_kib_max(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok())
        .with_context(|| format!("{path} has no VmHWM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_and_idleness_does_not() {
        let own = [std::process::id()];
        let before = nanoseconds(&own).expect("/proc");
        let started = std::time::Instant::now();
        let mut sum = 0u64;
        while started.elapsed().as_millis() < 50 {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        let used = nanoseconds(&own).expect("/proc") - before;
        assert!(used > 5_000_000, "{used} ns for {sum} additions");
        assert!(resident_kib_max(own[0]).expect("/proc") > 100);
        assert_eq!(family(own[0])[0], own[0]);
    }
}
