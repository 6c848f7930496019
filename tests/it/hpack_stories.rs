//! Stories of the public hpack-test-case set: header blocks of one connection by several encoders, with
//! the fields they stand for. Those in `tests/data/hpack`, and the whole set if set-up has installed it.
//! Decoded from the beginning, and by one who joins at each block.

use std::path::{Path, PathBuf};

use sensor::protocol::http2::hpack::Decoder;
use serde_json::Value;

type Field = (Option<Vec<u8>>, Option<Vec<u8>>);

struct Case {
    block: Vec<u8>,
    fields: Vec<Field>,
}

fn stories(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of stories is there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            stories(&path, found);
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(path);
        }
    }
}

fn cases(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).expect("it is text");
    let story: Value = serde_json::from_str(&text).expect("it is JSON");
    let text = |value: &Value| value.as_str().expect("a text").as_bytes().to_vec();
    let case = |case: &Value| {
        let wire = case["wire"].as_str().expect("a block");
        let digits = |i| u8::from_str_radix(&wire[2 * i..2 * i + 2], 16).expect("hex");
        let field = |field: &Value| {
            let (name, value) = field.as_object().and_then(|o| o.iter().next()).expect("a field");
            (Some(name.clone().into_bytes()), Some(text(value)))
        };
        Case {
            block: (0..wire.len() / 2).map(digits).collect(),
            fields: case["headers"].as_array().expect("fields").iter().map(field).collect(),
        }
    };
    story["cases"].as_array().expect("cases").iter().map(case).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    let own = |text: Option<&[u8]>| text.map(<[u8]>::to_vec);
    decoder.decode(block, |(name, value)| fields.push((own(name), own(value)))).expect("in order");
    fields
}

#[test]
fn hpack_stories_are_decoded_and_joined_without_invention() {
    let mut paths = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    stories(&root.join("tests/data/hpack"), &mut paths);
    assert_eq!(paths.len(), 6);
    // What `cargo xtask` installs: see xtask/src/setup/servers.rs.
    let installed = root.join("target/tools/stories/vendor/httlib-hpack/fixtures");
    if installed.is_dir() {
        stories(&installed, &mut paths);
        assert!(paths.len() > 400, "{} stories", paths.len());
    }
    let mut blocks = 0;
    for path in &paths {
        let cases = cases(path);
        let mut whole = Decoder::new();
        for (number, case) in cases.iter().enumerate() {
            assert_eq!(decode(&mut whole, &case.block), case.fields, "{} {number}", path.display());
        }
        blocks += cases.len();
        // Joining at each of hundreds of blocks is a square: every so many will do.
        for join in (0..cases.len()).step_by(1 + cases.len() / 20) {
            let mut late = Decoder::joined();
            for case in &cases[join..] {
                let fields = decode(&mut late, &case.block);
                assert_eq!(fields.len(), case.fields.len());
                for (said, sent) in fields.iter().zip(&case.fields) {
                    assert!(said.0.is_none() || said.0 == sent.0, "{} from {join}", path.display());
                    assert!(said.1.is_none() || said.1 == sent.1, "{} from {join}", path.display());
                }
            }
        }
    }
    println!("{} stories, {blocks} blocks", paths.len());
}
