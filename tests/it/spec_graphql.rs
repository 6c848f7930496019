//! GraphQL schemas: what is read of them, which operations of calls are held against them, and that what is
//! none is told with its line.

use proptest::prelude::*;
use sensor::call::{Credential, Facts, Place};
use sensor::flow::Timestamp;
use sensor::inventory::compare::{self, DifferenceKind as Kind, Window};
use sensor::inventory::spec::{Format, Member, Schemas, Spec, Specs, is_graphql_root, read_graphql};

use crate::spec_fixture::{Change, HOUR, endpoint, folder, service, spec};

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join("graphql").join(name)).expect("the fixture")
}

fn shop() -> Spec {
    let mut spec =
        read_graphql("shop.graphqls", &text("shop.graphqls")).unwrap_or_else(|fault| panic!("{fault}"));
    spec.name = "graph".to_owned();
    spec
}

#[test]
fn root_fields_are_operations() {
    let spec = shop();
    assert_eq!(spec.format, Format::Graphql);
    let operations: Vec<String> = spec
        .operations
        .iter()
        .map(|one| format!("{} {}{}", one.path, one.pointer, if one.deprecated { " deprecated" } else { "" }))
        .collect();
    let expected = [
        "/#query/user Root.user",
        "/#query/users Root.users",
        "/#query/oldUsers Root.oldUsers deprecated",
        "/#query/search Root.search",
        "/#query/type Root.type",
        "/#query/input Root.input",
        "/#query/node Root.node",
        "/#mutation/createUser Mutation.createUser",
        "/#mutation/removeUser Mutation.removeUser deprecated",
        "/#subscription/userAdded Events.userAdded",
    ];
    assert_eq!(operations, expected);
    let schemas = Schemas(&spec.schemas);
    let arguments =
        |at: usize| [spec.operations[at].body.as_ref().expect("arguments").content[0].schema.expect("one")];
    let result = |at: usize| [spec.operations[at].responses[0].content[0].schema.expect("one")];
    let member = |places: &[u32], name: &str| match schemas.member(places, Some(name)) {
        Member::Described(places) => places,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(schemas.required(&arguments(0)), ["id"]);
    assert_eq!(schemas.types(&member(&arguments(1), "first")).text(), "integer or null");
    assert_eq!(schemas.types(&member(&member(&arguments(1), "where"), "state")).text(), "string or null");
    assert_eq!(schemas.required(&arguments(1)), [""; 0]);
    assert_eq!(schemas.member(&arguments(1), Some("other")), Member::Unknown);
    // Nothing is taken by an operation without arguments.
    assert_eq!(schemas.member(&arguments(4), Some("other")), Member::Unknown);
    // Of `type`, what an extension adds; of an interface, what implements it; of a union, its members.
    assert_eq!(schemas.types(&result(1)).text(), "array");
    let user = schemas.items(&result(1)).expect("users");
    assert_eq!(schemas.types(&member(&user, "extra")).text(), "integer or null");
    assert_eq!(schemas.types(&member(&result(6), "title")).text(), "string or null");
    let found = schemas.items(&result(3)).expect("found");
    assert_eq!(schemas.types(&member(&found, "title")).text(), "string or null");
    assert_eq!(schemas.member(&user, Some("password")), Member::Unknown);
    // What another file defines may be anything.
    assert_eq!(schemas.member(&member(&user, "elsewhere"), Some("x")), Member::Free);
    let kept = serde_json::to_string(&spec).expect("JSON");
    assert_eq!(serde_json::from_str::<Spec>(&kept).expect("a specification"), spec);
    // They are no paths.
    assert_eq!(spec.documents(), []);
}

#[test]
fn what_is_wrong_and_where() {
    let cases = [
        ("", "there are no operations in the schema: it has no `type Query` with fields"),
        ("type User { id: ID }", "there are no operations in the schema: it has no `type Query` with fields"),
        ("{ user { id } }", "these are operations of a client and no schema; a schema has a `type Query`"),
        ("type Query {\n  user: \n}", "line 3: there is `}` and not a type"),
        ("type Query {\n  user(id: ID: User\n}", "line 2: there is `:` and not the name of a field"),
        ("type Query { a: [Int }", "line 1: there is `}` and not `]`"),
        ("type Query {\n a: Int", "line 2: there is the end of the file and not the name of a field"),
        ("type Query @a(b: {c: [1}) { a: Int }", "line 1: there is `}` and not what closes the last bracket"),
        ("\n\"\"\"never closed\ntype Query { a: Int }", "line 2: a text is not closed"),
        (
            "openapi: 3.0.0",
            "line 1: there is `openapi` and not a definition: `type`, `schema`, `interface`, \
                            `input`, `enum`, `union`, `scalar`, `directive` or `extend`",
        ),
        ("type Query { a: Int } %", "line 1: there is a sign that GraphQL has not"),
        ("schema { mutation: }", "line 1: there is `}` and not the name of a type"),
        ("schema { asks: A }", "line 1: there is `asks` and not `query`, `mutation` or `subscription`"),
    ];
    for (text, what) in cases {
        let fault = read_graphql("a.graphql", text).expect_err(text);
        assert_eq!((fault.to_string().as_str(), fault.file.as_str()), (what, "a.graphql"), "{text}");
    }
    let deep = format!("type Query {{ a: {}Int{} }}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        read_graphql("a.graphql", &deep).expect_err("deep").to_string(),
        "line 1: there are more than 64 lists in a list"
    );
    let deep = format!("type Query {{ a(b: Int = {}): Int }}", "[".repeat(100_000));
    assert_eq!(
        read_graphql("a.graphql", &deep).expect_err("deep").to_string(),
        "line 1: there are more than 64 brackets in brackets"
    );
    let many: String = (0..130_000).map(|at| format!("a{at}: Int ")).collect();
    let fault = read_graphql("a.graphql", &format!("type Query {{ {many} }}")).expect_err("many");
    assert_eq!(fault.to_string(), "line 1: there are more than 125000 fields");
}

#[test]
fn parts_and_clients_operations_are_no_roots() {
    assert!(is_graphql_root(&text("shop.graphqls")));
    assert!(!is_graphql_root(&text("client.graphql")));
    assert!(!is_graphql_root("type User { id: ID }"));
    // What is wrong is to be told.
    assert!(is_graphql_root("type Query {"));
    // A root is what `schema` names, and nothing else then.
    assert!(!is_graphql_root("schema { query: Root } type Query { a: Int }"));
    // Lists of interfaces in the oldest form, and a type without fields before another.
    assert!(is_graphql_root("type A implements B C\nenum D { E }\ntype Query implements B { a: Int }"));
}

#[test]
fn wherever_it_breaks_off_it_is_read_or_told() {
    let text = text("shop.graphqls");
    for (at, _) in text.char_indices() {
        let _ = read_graphql("cut.graphql", &text[..at]);
    }
}

#[test]
fn only_root_fields_are_compared() {
    let named = || Spec { services: vec!["graph:4000".to_owned()], ..shop() };
    let call = |method, template| endpoint(method, template, 20).by(Credential::None, 20);
    let cases = [
        (call("POST", "/graphql/#query/users"), None),
        (call("GET", "/api/v1/graph/#query/users"), None),
        (call("GET", "/shops/{shopId}/#subscription/userAdded"), None),
        (call("POST", "/graphql/#query/GetMyUsers"), None),
        (call("POST", "/graphql/#query"), None),
        (call("POST", "/graphql"), None),
        (
            call("POST", "/graphql/#query/users")
                .sends("application/json", 20)
                .field(Place::RequestBody, "/variables/first", Facts::STRING)
                .field(Place::ResponseBody, "/data/users/*/password", Facts::STRING)
                .answered(400, 3),
            None,
        ),
        (call("POST", "/graphql/#query/oldUsers"), Some((Kind::Deprecated, "Root.oldUsers"))),
        // The name of a query is no mutation.
        (call("POST", "/graphql/#mutation/oldUsers"), None),
        (call("POST", "/x/#mutation/removeUser"), Some((Kind::Deprecated, "Mutation.removeUser"))),
        (call("GET", "/debug/vars"), Some((Kind::UndocumentedEndpoint, "/paths"))),
    ];
    let specs = Specs::of(vec![named()]);
    for (endpoint, expected) in cases {
        let found = compare::endpoint(&specs, &service("graph:4000", vec![endpoint.clone()]), &endpoint);
        let found: Vec<_> = found.iter().map(|one| (one.kind, one.pointer.as_str())).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{}", endpoint.template);
    }
    let service = service("graph:4000", vec![call("POST", "/graphql/#query/users")]);
    assert_eq!(compare::service(&specs, &service, Window { since: Timestamp(HOUR) }), []);
    // Without a service it covers one of which a third of the endpoints are its fields.
    assert!(!Specs::of(vec![shop()]).covering(&service).is_empty());
    let other = crate::spec_fixture::service("other:4000", vec![call("POST", "/graphql/#query/Mine")]);
    assert!(Specs::of(vec![shop()]).covering(&other).is_empty());
}

#[test]
fn a_path_that_carries_operations_is_documented_by_itself() {
    let specs = Specs::of(vec![spec("shop.yaml")]);
    let call = |template| endpoint("POST", template, 20).sends("application/json", 20);
    let orders = call("/v2/orders/#query/Mine").field(Place::RequestBody, "/variables/id", Facts::STRING);
    let service = service("shop:8080", vec![orders.clone()]);
    assert_eq!(compare::endpoint(&specs, &service, &orders), []);
    let hidden = call("/v2/graphql/#query/Mine");
    let found = compare::endpoint(&specs, &service, &hidden);
    assert_eq!(found.iter().map(|one| one.kind).collect::<Vec<_>>(), [Kind::UndocumentedEndpoint]);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-c{}()\\[\\]:!=@|&$#\"\\\\\n 0.-]{0,80}") {
        let _ = read_graphql("a.graphql", &text);
        let _ = read_graphql("a.graphql", &format!("type Query {{ a: Int {text}"));
    }
}
