//! Every conversation in `tests/data/http1`: as written, cut at every byte, byte by byte, and with
//! the segments of each burst out of order.

use std::path::{Path, PathBuf};

use sensor::stream::Ordering;

use crate::http1_conversation::{Step, parse, play};

/// Path and text of every conversation.
pub fn fixtures() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/http1");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of fixtures is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("it is text"))).collect()
}

/// The step cut in two at `at`; a gap that follows the bytes stays with the second part.
fn cut(step: &Step, at: usize) -> [Step; 2] {
    let (first, second) = step.bytes.split_at(at);
    [
        Step { bytes: first.to_vec(), span: at as u64, ..step.clone() },
        Step {
            bytes: second.to_vec(),
            span: step.span - at as u64,
            position: step.position + at as u64,
            burst_start: false,
            ..step.clone()
        },
    ]
}

fn byte_by_byte(steps: &[Step]) -> Vec<Step> {
    let mut all = Vec::new();
    for step in steps {
        if step.lost || step.bytes.is_empty() {
            all.push(step.clone());
            continue;
        }
        let missing = step.span - step.bytes.len() as u64;
        let last = step.bytes.len() - 1;
        all.extend(step.bytes.iter().enumerate().map(|(index, &byte)| Step {
            bytes: vec![byte],
            span: if index == last { 1 + missing } else { 1 },
            position: step.position + index as u64,
            burst_start: step.burst_start && index == 0,
            ..*step
        }));
    }
    all
}

#[test]
fn http1_conversations_give_the_calls_written_below_them() {
    let mut failures = Vec::new();
    let fixtures = fixtures();
    assert!(fixtures.len() >= 40, "{} fixtures", fixtures.len());
    for (path, text) in &fixtures {
        let (steps, expected) = parse(text);
        let found = play(&steps, Ordering::AsDelivered).render();
        if found != expected {
            failures.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}\n", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn http1_conversations_cut_at_any_byte_give_the_same_calls() {
    for (path, text) in fixtures() {
        let (steps, expected) = parse(&text);
        for (index, step) in steps.iter().enumerate().filter(|(_, step)| !step.lost) {
            // Long fillers add nothing but time: their first and last bytes do.
            let length = step.bytes.len();
            let points = (1..length).filter(|&at| length < 3000 || at < 200 || length - at < 100);
            for at in points {
                let mut pieces = steps.clone();
                pieces.splice(index..=index, cut(step, at));
                let found = play(&pieces, Ordering::AsDelivered).render();
                assert_eq!(found, expected, "{} step {index} cut at {at}", path.display());
            }
        }
    }
}

#[test]
fn http1_conversations_byte_by_byte_give_the_same_calls() {
    for (path, text) in fixtures() {
        let (steps, expected) = parse(&text);
        let found = play(&byte_by_byte(&steps), Ordering::AsDelivered).render();
        assert_eq!(found, expected, "{}", path.display());
    }
}

#[test]
fn http1_conversations_out_of_order_within_a_burst_give_the_same_calls() {
    for (path, text) in fixtures() {
        let (steps, expected) = parse(&text);
        if steps.iter().any(|step| step.lost || step.position == 100) {
            continue;
        }
        let mut shuffled = Vec::new();
        for step in &steps {
            let Some(third) = Some(step.bytes.len() / 3).filter(|&third| third > 0) else {
                shuffled.push(step.clone());
                continue;
            };
            let [first, rest] = cut(step, third);
            let [second, last] = cut(&rest, third);
            // The first segment of a direction is its base.
            if step.position == 0 {
                shuffled.extend([first.clone(), last, second, first]);
            } else {
                shuffled.extend([last, second.clone(), first, second]);
            }
        }
        let found = play(&shuffled, Ordering::Reorder);
        let expected: String =
            expected.lines().filter(|l| l.contains(" -> ")).map(|l| format!("{l}\n")).collect();
        assert_eq!(found.render_calls(), expected, "{}", path.display());
    }
}

#[test]
fn http1_connections_hold_nothing_after_their_end() {
    for (path, text) in fixtures() {
        let (steps, _) = parse(&text);
        assert_eq!(play(&steps, Ordering::AsDelivered).held_bytes_end, 0, "{}", path.display());
    }
}
