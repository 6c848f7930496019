//! Hints files and OpenAPI documents: what good ones say, and what is said of bad ones.

use std::fmt::Write;

use proptest::prelude::*;
use sensor::inventory::guidance::{
    Document, Hint, Pattern, PatternSegment, RouteSegment, Rule, read_hints, read_openapi,
};

fn pattern(text: &str) -> Pattern {
    let segment = |segment: &str| match segment {
        "*" => PatternSegment::Any,
        word => PatternSegment::Literal(word.to_owned()),
    };
    Pattern(text.split('/').filter(|segment| !segment.is_empty()).map(segment).collect())
}

fn hint(service: &str, rule: Rule) -> Hint {
    Hint { service: service.to_owned(), rule }
}

#[test]
fn good_hints() {
    let yaml = r#"
# Of the shop.
- service: "*"
  split: /projects/active
- {service: "Shop:80", collapse: /link/*}
- name: /users/{}
  as: login
- name: /users/{user}/orders/{order}/
  as: order-id
- never: /internal/debug
- never: /
  service: old.example
- split: /caf%C3%A9/men%75
"#;
    let expected = [
        hint("*", Rule::Split(pattern("/projects/active"))),
        hint("shop", Rule::Collapse(pattern("/link/*"))),
        hint("*", Rule::Name(pattern("/users/*"), "login".to_owned())),
        hint("*", Rule::Name(pattern("/users/*/orders/*"), "order-id".to_owned())),
        hint("*", Rule::Never(pattern("/internal/debug"))),
        hint("old.example", Rule::Never(pattern("/"))),
        hint("*", Rule::Split(pattern("/café/menu"))),
    ];
    assert_eq!(read_hints(yaml).expect("good"), expected);
    let json = r#"[
	{"split": "/projects\/active"}, {"service": "shop", "collapse": "/link/{any}"}]"#;
    let expected = [
        hint("*", Rule::Split(pattern("/projects/active"))),
        hint("shop", Rule::Collapse(pattern("/link/*"))),
    ];
    assert_eq!(read_hints(json).expect("good"), expected);
    for nothing in ["", "\n# later\n", "[]", "---\n", "\u{feff}- never: /a\n"] {
        assert!(read_hints(nothing).expect("good").len() < 2, "{nothing}");
    }
}

#[test]
fn bad_hints_are_told_with_their_line() {
    let mut told = String::new();
    for text in [
        "split: /a",
        "just a text",
        "- /a/b",
        "- split: /a\n- splitt: /b",
        "- split: /a\n  collapse: /b/*",
        "- split: /a\n  split: /b",
        "- service: shop",
        "- service: ''\n  split: /a",
        "- service: [a]\n  split: /a",
        "- split:",
        "- split: a/b",
        "- split: /a/*",
        "- split: /",
        "- split: /a//b",
        "- split: /a/b*",
        "- split: /a/{b",
        "- split: /a?b=c",
        "- collapse: /a/b",
        "- collapse: /",
        "- name: /a/*",
        "- name: /a\n  as: b",
        "- name: /a/*\n  as: 'b c'",
        "- name: /a/*\n  as: ''",
        "- never: /a\n  as: b",
        "- never: [/a, /b]",
        "- split: /a\n- split: [",
        "- split: /a\n split: /b",
        "[{\"split\": \"/a\"},\n {\"split\": \"/b\"",
        "- ? [split]\n  : /a",
    ] {
        let fault = read_hints(text).expect_err(text);
        writeln!(told, "{text}\n    {fault}").expect("writes");
    }
    let deep = format!("- never: /{}", "a/".repeat(40));
    writeln!(told, "- never: /a/a/...\n    {}", read_hints(&deep).expect_err("deep")).expect("writes");
    insta::assert_snapshot!("bad_hints", told);
}

/// `services route METHODS` of each route.
fn routes(documents: &[Document]) -> Vec<String> {
    let mut lines = Vec::new();
    for Document { services, routes } in documents {
        for route in routes {
            let mut text = String::new();
            for segment in &route.segments {
                match segment {
                    RouteSegment::Literal(word) => write!(text, "/{word}"),
                    RouteSegment::Parameter { name, before, behind, .. } => {
                        write!(text, "/{before}<{name}>{behind}")
                    }
                }
                .expect("writes");
            }
            lines.push(format!("{} {text} {}", services.join(","), route.methods.join(",")));
        }
    }
    lines
}

fn of(text: &str) -> Vec<String> {
    routes(&read_openapi(text, None).expect("a document"))
}

#[test]
fn servers_are_services_and_base_paths() {
    for (servers, expected) in [
        ("", "* /a GET"),
        ("servers: []", "* /a GET"),
        ("servers: [{url: /v1/}]", "* /v1/a GET"),
        ("servers: [{url: ./v1}]", "* /v1/a GET"),
        ("servers: [{url: v1}]", "* /v1/a GET"),
        ("servers: [{url: 'https://API.example.com'}]", "api.example.com,api.example.com:443 /a GET"),
        (
            "servers: [{url: 'https://api.example.com:443/v1?x=y'}]",
            "api.example.com,api.example.com:443 /v1/a GET",
        ),
        ("servers: [{url: 'http://api.example.com:80/v1/'}]", "api.example.com /v1/a GET"),
        ("servers: [{url: 'http://user@api.example.com'}]", "api.example.com /a GET"),
        ("servers: [{url: 'http://localhost:8080/v1'}]", "localhost:8080 /v1/a GET"),
        ("servers: [{url: 'localhost:8080/v1'}]", "localhost:8080 /v1/a GET"),
        ("servers: [{url: 'http://[::1]:8080'}]", "[::1]:8080 /a GET"),
        ("servers: [{url: 'http://[::1]'}]", "[::1] /a GET"),
        ("servers: [{url: //api.example.com/v1}]", "api.example.com,api.example.com:443 /v1/a GET"),
        ("servers: [{url: 'http://{region}.example.com'}]", "*.example.com /a GET"),
        ("servers: [{url: 'http://{host}'}]", "* /a GET"),
        ("servers: [{url: 'http://{host}:{port}/v1'}]", "*,*:* /v1/a GET"),
        ("servers: [{url: 'http://a/{base}', variables: {base: {default: v2}}}]", "a /v2/a GET"),
        ("servers: [{url: 'http://a/{base}', variables: {base: {default: '', enum: ['']}}}]", "a /a GET"),
        ("servers: [{url: 'http://a/{base}'}]", "a /<base>/a GET"),
        (
            "servers: [{url: 'http://a/{base}', variables: {base: {default: v2, enum: [v1, v2]}}}]",
            "a /v1/a GET; a /v2/a GET",
        ),
        (
            "servers: [{url: 'http://b/x'}, {url: 'http://a/x'}, {url: 'http://c/y'}]",
            "a,b /x/a GET; c /y/a GET",
        ),
    ] {
        let document = format!("openapi: 3.0.3\n{servers}\npaths: {{/a: {{get: {{}}}}}}");
        assert_eq!(of(&document).join("; "), expected, "{servers}");
        let told = read_openapi(&document, Some("Shop:80")).expect("a document");
        assert!(told.iter().all(|document| document.services == ["shop"]), "{servers}");
        assert_eq!(told.len(), expected.split("; ").count(), "base paths stay");
    }
    let own = "openapi: 3.1.0
servers: [{url: 'http://a'}]
paths:
  /a: {get: {}, servers: [{url: 'http://b/v1'}]}
  /b: {get: {servers: [{url: 'http://c/v1'}]}, put: {servers: [{url: 'http://c/v1'}]}}
  /c: {get: {}}";
    assert_eq!(of(own), ["a /c GET", "b /v1/a GET", "c /v1/b GET,PUT"]);
    for (swagger, expected) in [
        ("", "* /a GET"),
        ("basePath: /v1", "* /v1/a GET"),
        ("host: api.example.com\nbasePath: /v1\nschemes: [http]", "api.example.com /v1/a GET"),
        ("host: api.example.com:8080\nschemes: [http, https]", "api.example.com:8080 /a GET"),
        ("host: api.example.com\nschemes: [https, http]", "api.example.com,api.example.com:443 /a GET"),
    ] {
        for version in ["'2.0'", "2.0", "\"2.0\""] {
            let document = format!("swagger: {version}\n{swagger}\npaths: {{/a: {{get: {{}}}}}}");
            assert_eq!(of(&document).join("; "), expected, "{swagger}");
        }
    }
}

#[test]
fn paths_are_routes() {
    let document = r##"{
  "openapi": "3.1.0",
  "info": {"title": "\ud83d\ude00", "version": "1"},
  "x-paths": {"/no": {}},
  "paths": {
    "/": {"get": {}},
    "/users/{id}": {"get": {}, "delete": {}, "parameters": [], "summary": "x", "x-get": {}},
    "/users/{id}.json": {"get": {}},
    "/users/{id}:cancel": {"post": {}},
    "/tiles/{z}/{x},{y}": {"get": {}},
    "/odata/Users('{key}')/": {"get": {}},
    "no/slash": {"get": {}},
    "/caf%C3%A9/{a-b}?x={y}#z": {"get": {}},
    "/files/{path*}/{+rest}/{n:[0-9]+}/{ }": {"get": {}},
    "/open{brace": {"get": {}},
    "/elsewhere": {"$ref": "other.yaml#/x"},
    "/shared": {"$ref": "#/components/pathItems/shared~1item"},
    "/loop": {"$ref": "#/paths/~1loop"},
    "x-internal": {"get": {}}
  },
  "components": {"pathItems": {"shared/item": {"put": {}}}}
}"##;
    assert_eq!(
        of(document),
        [
            "*  GET",
            "* /users/<id> GET,DELETE",
            "* /users/<id>.json GET",
            "* /users/<id>:cancel POST",
            "* /tiles/<z>/<x>,{y} GET",
            "* /odata/Users('<key>') GET",
            "* /no/slash GET",
            "* /café/<a-b> GET",
            "* /files/<path>/<rest>/<n>/<id> GET",
            "* /open{brace GET",
            "* /elsewhere ",
            "* /shared PUT",
            "* /loop ",
        ]
    );
}

#[test]
fn bad_documents_are_told() {
    let mut told = String::new();
    for text in [
        "",
        "# nothing",
        "[]",
        "a text",
        "swagger: '1.2'\npaths: {}",
        "openapi: 4.0.0",
        "openapi: 3.0.0\npaths: {}",
        "openapi: 3.0.0\npaths: [/a]",
        "openapi: [3.0.0]",
        "openapi: 3.0.0\npaths:\n\t/a: {}",
        "{\"openapi\": \"3.0.0\", \"paths\": {\"/a\": {}}",
        "openapi: 3.0.0\npaths: {/a: *b}",
    ] {
        let fault = read_openapi(text, None).expect_err(text);
        writeln!(told, "{text}\n    {fault}").expect("writes");
    }
    insta::assert_snapshot!("bad_documents", told);
}

/// Copies of copies: what is read over or bounded does not become large.
#[test]
fn files_cost_what_their_size_says() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 0..20 {
        let (from, to) = ((b'a' + level) as char, (b'b' + level) as char);
        writeln!(
            bomb,
            "{to}: &{to} [*{from}, *{from}, *{from}, *{from}, *{from}, *{from}, *{from}, *{from}]"
        )
        .expect("writes");
    }
    bomb.push_str("openapi: 3.0.0\npaths: {/a: {get: {}}}\n");
    let fault = read_openapi(&bomb, None).expect_err("too much");
    assert!(fault.to_string().contains("too much"), "{fault}");
    let mut chain = "- &a0 [x]\n".to_owned();
    for level in 1..20_000 {
        writeln!(chain, "- &a{level} [*a{}]", level - 1).expect("writes");
    }
    assert!(read_hints(&chain).is_err());
    for deep in [
        "[".repeat(1 << 20),
        "{a: ".repeat(1 << 18),
        "- ".repeat(1 << 18),
        "[".repeat(120) + &"]".repeat(120),
    ] {
        assert!(read_hints(&deep).is_err());
        assert!(read_openapi(&deep, None).is_err());
    }
    let own = "a: &a [*a]\nopenapi: 3.0.0\npaths: {/a: {get: {}}}";
    assert!(read_openapi(own, None).is_ok());
    // What is deep is read over.
    let nested =
        format!("openapi: 3.0.0\nx: {}{}\npaths: {{/a: {{get: {{}}}}}}", "{a: [".repeat(60), "]}".repeat(60));
    assert_eq!(of(&nested), ["* /a GET"]);
    let anchored = "openapi: 3.0.0\npaths:\n  /a: &item {get: {}, put: {}}\n  /b: *item\n";
    assert_eq!(of(anchored), ["* /a GET,PUT", "* /b GET,PUT"]);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[-a-z:/{}\\[\\]*&'\"\n ,0-9#|>?!%]{0,200}") {
        let _ = read_hints(&text);
        let _ = read_openapi(&text, None);
        let _ = read_openapi(&format!("openapi: 3.0.0\nservers: [{{url: '{text}'}}]\npaths: {{'{text}': {{get: }}}}"), None);
    }

    #[test]
    fn json_and_yaml_are_one(words in proptest::collection::vec("[a-z]{1,8}", 1..5), last in "[a-z]{1,8}") {
        let path = format!("/{}/{last}", words.join("/"));
        let yaml = read_hints(&format!("- split: {path}\n- collapse: {path}/*\n"));
        let json = read_hints(&format!(r#"[{{"split": "{path}"}}, {{"collapse": "{path}/*"}}]"#));
        prop_assert_eq!(yaml.expect("good"), json.expect("good"));
    }
}
