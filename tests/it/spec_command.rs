//! `apicensus spec` as a user meets it: exit codes, what is printed, and what is stored afterwards.

use std::fs;
use std::path::Path;

use crate::cli_commands::apicensus;
use crate::spec_fixture::folder as fixtures;

fn spec(folder: &Path, arguments: &[&str]) -> String {
    let output = apicensus(folder, &[&["spec"], arguments, &["--store", "apis.db"]].concat());
    // The only thing that is not the same each time.
    let time = |line: &str| {
        let at = line.find(" 20").filter(|at| line[at + 3..].contains("T")).or(line.find("\"20"));
        match at {
            Some(at) if line[at..].contains('Z') => {
                let end = at + line[at..].find('Z').expect("an end");
                format!("{}TIME{}", &line[..=at], &line[end + 1..])
            }
            _ => line.to_owned(),
        }
    };
    output.lines().map(time).collect::<Vec<_>>().join("\n")
}

/// A folder with specifications in `specs`, as many people have them.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let specs = folder.path().join("specs");
    for (from, to) in [
        ("shop.yaml", "shop/api.yaml"),
        ("grpc/shop.binpb", "grpc/shop.binpb"),
        ("grpc/shop.proto", "grpc/shop.proto"),
        ("graphql/shop.graphqls", "graph/shop.graphqls"),
        ("graphql/client.graphql", "graph/client.graphql"),
    ] {
        let to = specs.join(to);
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs::copy(fixtures().join(from), to).expect("copied");
    }
    // What is no specification is passed over.
    fs::write(specs.join("package.json"), "{\"name\": \"x\"}").expect("written");
    fs::write(specs.join("graph/types.graphql"), "type Part { id: ID }").expect("written");
    folder
}

/// Steps of one story, each with what was typed.
fn told(steps: &[(&str, String)]) -> String {
    steps.iter().map(|(typed, output)| format!("$ apicensus spec {typed}\n{output}\n")).collect()
}

fn story(folder: &Path, steps: &[&'static str]) -> String {
    let each = steps.iter().map(|typed| (*typed, spec(folder, &typed.split(' ').collect::<Vec<_>>())));
    told(&each.collect::<Vec<_>>())
}

#[test]
fn help() {
    let folder = tempfile::tempdir().expect("a folder");
    insta::assert_snapshot!("spec_help", apicensus(folder.path(), &["spec", "--help"]));
    insta::assert_snapshot!("spec_add_help", apicensus(folder.path(), &["spec", "add", "--help"]));
}

#[test]
fn add_list_show_remove() {
    let folder = folder();
    let steps = [
        "list",
        "add specs",
        "add specs",
        "add specs/grpc/shop.binpb --service shop:50051 --name orders",
        "list",
        "list --format json",
        "show orders",
        "show shop",
        "show shop --format json",
        "remove orders",
        "remove orders",
        "remove shop --version 9",
        "show nothing",
        "list",
    ];
    insta::assert_snapshot!("spec_story", story(folder.path(), &steps));
}

#[test]
fn what_is_broken_changes_nothing() {
    let folder = folder();
    let specs = folder.path().join("specs");
    let mut all = story(folder.path(), &["add specs/shop/api.yaml", "list"]);
    // A good one beside each that is not.
    fs::write(specs.join("good.yaml"), "openapi: 3.0.0\ninfo: {title: Good, version: '1'}\npaths: {}\n")
        .expect("written");
    let deep = specs.join("deep/er");
    fs::create_dir_all(&deep).expect("made");
    let refers = "openapi: 3.0.0\ninfo: {title: Deep, version: '1'}\npaths: {/a: {$ref: 'parts/a.yaml'}}\n";
    fs::write(deep.join("api.yaml"), refers).expect("written");
    fs::create_dir_all(deep.join("parts")).expect("made");
    // The fault is in a part, which is named by its own path.
    fs::write(deep.join("parts/a.yaml"), "get: {parameters: [\n").expect("written");
    fs::write(specs.join("cut.graphql"), "type Query {\n  user(id: ID!: User\n}\n").expect("written");
    let set = fs::read(fixtures().join("grpc/shop.binpb")).expect("the fixture");
    fs::write(specs.join("cut.pb"), &set[..set.len() - 7]).expect("written");
    fs::write(specs.join("text.desc"), "syntax = \"proto3\";").expect("written");
    all += &story(
        folder.path(),
        &[
            "add specs",
            "add specs/deep/er/api.yaml",
            "add specs/cut.pb",
            "add specs/graph/client.graphql",
            "add specs/graph/types.graphql",
            "add specs/grpc/shop.proto",
            "add nowhere.yaml",
            "list",
        ],
    );
    fs::create_dir(folder.path().join("empty")).expect("made");
    all += &story(folder.path(), &["add empty", "list"]);
    insta::assert_snapshot!("spec_broken", all);
}
