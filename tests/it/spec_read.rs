//! Specifications of each format into the model, over several files, with cycles; and what is said of those
//! that are wrong: the place and the reason.

use sensor::inventory::guidance::{RouteSegment, Takes};
use sensor::inventory::spec::{Format, Member, ParameterPlace, Schemas, Scheme, Spec, Specs};

use crate::spec_fixture::{of_texts, spec};

fn operation<'a>(spec: &'a Spec, method: &str, path: &str) -> &'a sensor::inventory::spec::Operation {
    let mut all = spec.operations.iter();
    all.find(|one| one.method == method && one.path == path).expect("an operation")
}

#[test]
fn openapi_with_everything() {
    let shop = spec("shop.yaml");
    assert_eq!((&*shop.title, &*shop.version, shop.format), ("Shop", "2.0.0", Format::Openapi31));
    assert_eq!((&*shop.bases[0].services, &*shop.bases[0].path), (&["shop:8080".to_owned()][..], "/v2"));
    let list = operation(&shop, "GET", "/orders");
    assert_eq!(list.pointer, "/paths/~1orders/get");
    let names: Vec<(ParameterPlace, &str, bool)> =
        list.parameters.iter().map(|one| (one.place, one.name.as_str(), one.required)).collect();
    assert_eq!(
        names,
        [
            (ParameterPlace::Header, "x-tenant", false),
            (ParameterPlace::Query, "page", false),
            (ParameterPlace::Query, "since", false),
            (ParameterPlace::Query, "region", true),
            (ParameterPlace::Query, "filter", false),
        ]
    );
    assert_eq!(
        list.security,
        [vec![Scheme::Key(ParameterPlace::Header, "x-api-key".to_owned())], vec![Scheme::Bearer]]
    );
    assert!(operation(&shop, "GET", "/health/live").security.is_empty());
    assert!(operation(&shop, "GET", "/legacy/report").deprecated);
    let one = operation(&shop, "GET", "/orders/{orderId}");
    assert!(matches!(&one.segments[1], RouteSegment::Parameter { takes: Takes::Integer, .. }));
    // Through a cycle as deep as one likes.
    let schemas = Schemas(&shop.schemas);
    let mut places = vec![one.responses[0].content[0].schema.expect("a schema")];
    for _ in 0..50 {
        let Member::Described(parent) = schemas.member(&places, Some("parent")) else { panic!("no parent") };
        places = parent;
    }
    assert_eq!(schemas.required(&places), ["customer", "id"]);
    assert_eq!(schemas.member(&places, Some("margin")), Member::Unknown);
}

#[test]
fn swagger_with_forms() {
    let shop = spec("shop-1.json");
    assert_eq!((&*shop.version, shop.format), ("1.4.0", Format::Swagger20));
    let upload = operation(&shop, "POST", "/uploads");
    let body = upload.body.as_ref().expect("a body");
    assert_eq!((body.required, &*body.content[0].range), (true, "multipart/form-data"));
    let schemas = Schemas(&shop.schemas);
    let root = [body.content[0].schema.expect("a schema")];
    assert_eq!(schemas.required(&root), ["name"]);
    assert!(matches!(schemas.member(&root, Some("size")), Member::Described(_)));
    let basket = operation(&shop, "GET", "/baskets/{id}");
    assert_eq!(basket.responses[0].content[0].range, "application/json");
    assert!(upload.responses[0].content.is_empty());
}

#[test]
fn over_several_files() {
    let split = spec("split/api.yaml");
    let people = operation(&split, "GET", "/people");
    assert_eq!(people.parameters[0].name, "page");
    let schemas = Schemas(&split.schemas);
    let root = people.responses[0].content[0].schema.expect("a schema");
    let Member::Described(friends) = schemas.member(&[root], Some("friends")) else { panic!("no friends") };
    assert_eq!(schemas.items(&friends), Some(vec![root]));
    assert_eq!(schemas.schema(root).expect("a schema").pointer, "split/schemas/person.json#");
    assert_eq!(split.bases[0].services, ["*"]);
}

#[test]
fn routes_are_guidance_and_the_model_survives_json() {
    let shop = spec("shop.yaml");
    let documents = Specs::of(vec![shop.clone()]).documents();
    assert_eq!((documents.len(), &documents[0].services), (1, &vec!["shop:8080".to_owned()]));
    assert_eq!(documents[0].routes[0].methods, ["GET", "POST"]);
    let text = serde_json::to_string(&shop).expect("JSON");
    assert_eq!(serde_json::from_str::<Spec>(&text).expect("a specification"), shop);
}

/// Both readers are one: a document named beside a command gives the routes of the specification.
#[test]
fn guidance_has_the_same_routes() {
    use sensor::inventory::guidance::{RouteSegment, Takes, read_openapi};
    for name in ["shop.yaml", "shop-1.json"] {
        let text = std::fs::read_to_string(crate::spec_fixture::folder().join(name)).expect("the fixture");
        let mut documents = spec(name).documents();
        for route in documents.iter_mut().flat_map(|document| &mut document.routes) {
            for segment in &mut route.segments {
                // Schemas are not read there.
                if let RouteSegment::Parameter { takes, .. } = segment {
                    *takes = Takes::Any;
                }
            }
        }
        assert_eq!(read_openapi(&text, None).expect("a document"), documents, "{name}");
    }
}

#[test]
fn what_is_wrong_and_where() {
    let head = "openapi: 3.0.0\ninfo: {title: T, version: '1'}\n";
    let cases = [
        ("", "the file is empty"),
        ("a: 1\n", "this is no OpenAPI document: it has no `openapi: 3.x` and no `swagger: 2.0`"),
        ("openapi: 4.0.0\n", "version `4.0.0` is not known; 2.0, 3.0 and 3.1 are"),
        (head, "there are no `paths` in the document"),
        (
            "paths: {/users: {get: {parameters: [{in: query}]}}}",
            "at /paths/~1users/get/parameters/0: a parameter has no `name`",
        ),
        (
            "paths: {/users: {get: {parameters: [{name: a, in: page}]}}}",
            "at /paths/~1users/get/parameters/0: a parameter is not in `page`; it is in query, header, path, \
             cookie, or, in 2.0, body or formData",
        ),
        (
            "paths: {/users: {get: {responses: {20: {}}}}}",
            "at /paths/~1users/get/responses/20: `20` is no status; one is as `200`, `2XX` or `default`",
        ),
        (
            "paths: {/users: {get: {responses: {'200': {$ref: '#/components/responses/No'}}}}}",
            "at /paths/~1users/get/responses/200: `#/components/responses/No` leads nowhere: there is no /components",
        ),
        (
            "paths: {/users: {get: {parameters: [{$ref: 'http://other/p.yaml#/P'}]}}}",
            "at /paths/~1users/get/parameters/0: `http://other/p.yaml#/P` is on another host; nothing is fetched, \
             keep it beside the specification",
        ),
        (
            "paths: {/users: {get: {parameters: [{$ref: '../../etc/passwd'}]}}}",
            "at /paths/~1users/get/parameters/0: `../../etc/passwd` leads out of the folder that was given",
        ),
        (
            "paths: {/users: {get: {parameters: [{$ref: 'p.yaml'}]}}}",
            "at /paths/~1users/get/parameters/0: `p.yaml` cannot be followed: it is not there",
        ),
        (
            "paths: {/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}",
            "at /paths/~1a: its references lead in a circle",
        ),
        ("paths: {users: {}}", "at /paths/users: a path begins with `/`"),
        ("paths: {/users: {get: yes}}", "at /paths/~1users/get: there is a text and no operation"),
    ];
    for (text, what) in cases {
        let text = if text.starts_with("paths") { format!("{head}{text}") } else { text.to_owned() };
        let fault = of_texts(&[("api.yaml", &text)]).expect_err(&text);
        assert_eq!((fault.to_string().as_str(), fault.file.as_str()), (what, "api.yaml"), "{text}");
    }
    let fault = of_texts(&[("api.yaml", "openapi: 3.0.0\npaths: [")]).expect_err("no YAML");
    assert!(fault.line > 0, "{fault}");
}

#[test]
fn what_would_go_on_for_ever_ends() {
    let head = "openapi: 3.0.0\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {responses: {'200': {content: \
                {application/json: {schema: {$ref: '#/components/schemas/S0'}}}}}}}}\ncomponents:\n  schemas:\n";
    // Each holds the next twice: 2^40 ways.
    let mut text = head.to_owned();
    for at in 0..40 {
        let next = format!("{{$ref: '#/components/schemas/S{}'}}", at + 1);
        text.push_str(&format!("    S{at}: {{allOf: [{next}, {next}], anyOf: [{next}, {next}]}}\n"));
    }
    text.push_str("    S40: {properties: {a: {type: string}}}\n");
    // A circle of nothing but alternatives.
    text.push_str("    S41: {anyOf: [{$ref: '#/components/schemas/S41'}]}\n");
    let spec = of_texts(&[("api.yaml", &text)]).expect("a specification");
    let schemas = Schemas(&spec.schemas);
    let root = [spec.operations[0].responses[0].content[0].schema.expect("a schema")];
    let _ = (schemas.member(&root, Some("a")), schemas.types(&root), schemas.required(&root));
    let _ = (schemas.formats(&root), schemas.items(&root), schemas.is_only(&root, true));
}
