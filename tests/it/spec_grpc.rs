//! Descriptor sets of Protocol Buffers: what is read of a real one, what is compared with it, and that
//! bytes that are none are told as such, wherever they break off.

use proptest::prelude::*;
use sensor::call::{Credential, Facts, Place};
use sensor::flow::Timestamp;
use sensor::inventory::compare::{self, DifferenceKind as Kind, Window};
use sensor::inventory::spec::{Format, Member, Schemas, Spec, Specs, read_grpc};

use crate::spec_fixture::{Change, HOUR, endpoint, folder, service};

fn bytes() -> Vec<u8> {
    std::fs::read(folder().join("grpc/shop.binpb")).expect("the fixture")
}

fn shop() -> Spec {
    let mut spec = read_grpc("shop.binpb", &bytes()).expect("a descriptor set");
    spec.name = "shop".to_owned();
    spec.services = vec!["shop:50051".to_owned()];
    spec
}

#[test]
fn methods_and_messages() {
    let spec = shop();
    assert_eq!((spec.format, spec.title.as_str()), (Format::Grpc, "shop.v1.Orders"));
    let operations: Vec<(&str, &str, bool)> =
        spec.operations.iter().map(|one| (one.method.as_str(), one.path.as_str(), one.deprecated)).collect();
    let expected = [
        ("POST", "/shop.v1.Orders/Create", false),
        ("POST", "/shop.v1.Orders/Get", false),
        ("GET", "/shop.v1.Orders/Get", false),
        ("POST", "/shop.v1.Orders/Watch", false),
        ("POST", "/shop.v1.Orders/List", true),
        ("POST", "/shop.v1.Legacy/Dump", true),
    ];
    assert_eq!(operations, expected);
    let schemas = Schemas(&spec.schemas);
    let body = spec.operations[0].body.as_ref().expect("a body");
    assert_eq!(body.pointer, "shop.v1.Order");
    let order = [body.content[0].schema.expect("a message")];
    let at = |places: &[u32], name: &str| match schemas.member(places, Some(name)) {
        Member::Described(places) => places,
        other => panic!("{name}: {other:?}"),
    };
    for (name, types) in [
        ("order_id", "integer or string or null"),
        ("orderId", "integer or string or null"),
        ("lines", "array or null"),
        ("state", "integer or string or null"),
        ("onAccount", "boolean or null"),
    ] {
        let mut found: Vec<_> =
            schemas.types(&at(&order, name)).text().split(" or ").map(str::to_owned).collect();
        let mut wanted: Vec<_> = types.split(" or ").map(str::to_owned).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{name}");
    }
    let line = schemas.items(&at(&order, "lines")).expect("messages");
    assert!(matches!(schemas.member(&line, Some("sku")), Member::Described(_)));
    assert_eq!(schemas.member(&line, Some("colour")), Member::Unknown);
    // Values of maps; by number; recursive.
    assert!(matches!(schemas.member(&at(&at(&order, "gifts"), "any"), Some("price")), Member::Described(_)));
    assert!(matches!(schemas.member(&at(&at(&at(&order, "9"), "3"), "2"), None), Member::Free));
    assert_eq!(schemas.member(&at(&order, "9"), Some("11")), Member::Unknown);
    // Times have a form of their own in JSON.
    assert_eq!(schemas.member(&at(&order, "createdAt"), Some("x")), Member::Free);
    let text = serde_json::to_string(&spec).expect("JSON");
    assert_eq!(serde_json::from_str::<Spec>(&text).expect("a specification"), spec);
    assert_eq!(spec.documents()[0].routes.len(), 5);
}

#[test]
fn calls_against_methods() {
    let specs = Specs::of(vec![shop()]);
    let text = Facts::STRING | Facts::TEXT;
    let call = |template| {
        endpoint("POST", template, 20)
            .by(Credential::None, 20)
            .sends("application/grpc", 20)
            .content(200, "application/grpc")
    };
    let get = |template| {
        endpoint("GET", template, 20)
            .by(Credential::None, 20)
            .content(200, "application/protobuf")
            .field(Place::Query, "connect", text)
            .field(Place::Query, "message", text)
    };
    let create = || {
        call("/shop.v1.Orders/Create")
            .field(Place::RequestBody, "", Facts::OBJECT)
            .field(Place::RequestBody, "/1", Facts::INTEGER)
            .field(Place::RequestBody, "/3", Facts::OBJECT)
            .field(Place::RequestBody, "/3/1", text)
            .field(Place::ResponseBody, "/9/3/*/1", text)
    };
    let json = || {
        endpoint("POST", "/shop.v1.Orders/Create", 20)
            .by(Credential::None, 20)
            .sends("application/json", 20)
            .content(200, "application/json")
            .answered(404, 2)
            .content(404, "application/json")
            .field(Place::RequestBody, "", Facts::OBJECT)
            .field(Place::RequestBody, "/customerEmail", Facts::STRING | Facts::EMAIL)
            .field(Place::RequestBody, "/lines/*/price", Facts::NUMBER)
            .field(Place::RequestBody, "/gifts/{key}/sku", text)
            .field(Place::ErrorBody, "/code", text)
    };
    let cases = [
        (create(), vec![]),
        (json(), vec![]),
        (call("/shop.v1.Orders/Get"), vec![]),
        (get("/shop.v1.Orders/Get"), vec![]),
        (
            get("/shop.v1.Orders/Get").field(Place::Query, "debug", text),
            vec![(Kind::UndocumentedParameter, "shop.v1.Orders.Get")],
        ),
        (get("/shop.v1.Orders/Create"), vec![(Kind::UndocumentedMethod, "")]),
        (call("/grpc.health.v1.Health/Check"), vec![]),
        (
            call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
            vec![(Kind::UndocumentedEndpoint, "")],
        ),
        (create().field(Place::RequestBody, "/11", text), vec![(Kind::UndocumentedField, "shop.v1.Order")]),
        (
            create().field(Place::ResponseBody, "/3/4", text),
            vec![(Kind::UndocumentedField, "shop.v1.Order.Line")],
        ),
        (
            json().field(Place::RequestBody, "/isAdmin", Facts::BOOLEAN),
            vec![(Kind::UndocumentedField, "shop.v1.Order")],
        ),
        (
            json().field(Place::RequestBody, "/onAccount", Facts::INTEGER),
            vec![(Kind::TypeDrift, "shop.v1.Order.on_account")],
        ),
        (call("/shop.v1.Orders/List"), vec![(Kind::Deprecated, "shop.v1.Orders.List")]),
        (call("/shop.v1.Legacy/Dump"), vec![(Kind::Deprecated, "shop.v1.Legacy.Dump")]),
        (call("/shop.v1.Orders/Delete"), vec![(Kind::UndocumentedEndpoint, "")]),
    ];
    for (endpoint, expected) in cases {
        let found = compare::endpoint(&specs, &service("shop:50051", vec![endpoint.clone()]), &endpoint);
        let found: Vec<_> = found.iter().map(|one| (one.kind, one.pointer.as_str())).collect();
        assert_eq!(
            found,
            expected,
            "{} {:?}",
            endpoint.template,
            endpoint.stats.fields.keys().collect::<Vec<_>>()
        );
    }
    let whole =
        compare::service(&specs, &service("shop:50051", vec![create()]), Window { since: Timestamp(HOUR) });
    assert_eq!(whole.iter().filter(|one| one.kind == Kind::Orphan).count(), 4);
    let asked = service("shop:50051", vec![get("/shop.v1.Orders/Get")]);
    let whole = compare::service(&specs, &asked, Window { since: Timestamp(HOUR) });
    assert_eq!(whole.iter().filter(|one| one.kind == Kind::Orphan).count(), 4);
}

#[test]
fn wherever_it_breaks_off_it_is_told() {
    let bytes = bytes();
    let whole = shop().operations.len();
    for length in 0..bytes.len() {
        match read_grpc("cut.binpb", &bytes[..length]) {
            Ok(spec) => assert!(spec.operations.len() <= whole, "{length}"),
            Err(fault) => assert_eq!(fault.file, "cut.binpb"),
        }
    }
    let told = |bytes: &[u8]| read_grpc("a.pb", bytes).expect_err("none").to_string();
    let how = "`protoc --include_imports --descriptor_set_out=FILE` or `buf build -o FILE.binpb` makes one";
    assert_eq!(told(b""), format!("there is nothing in the descriptor set; {how}"));
    assert_eq!(
        told(b"syntax = \"proto3\";"),
        format!(
            "at byte 0: this is no descriptor set: there is a field of a kind that descriptors have not; {how}"
        )
    );
    assert_eq!(
        told(&bytes[..bytes.len() - 1]).split(';').next(),
        Some("at byte 261: this is no descriptor set: there is a field that goes past the end")
    );
    // A file with a message and no service.
    assert_eq!(told(b"\x0a\x05\x22\x03\x0a\x01M"), "there is no service in the descriptor set");
    assert!(
        told(b"\x0a\x05\x22\x03\x0a\x01\xff").starts_with("at byte 6: "),
        "{}",
        told(b"\x0a\x05\x22\x03\x0a\x01\xff")
    );
}

/// A field with a message, text or bytes in it.
fn part(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        all.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    all.push(length as u8);
    all.extend(bytes);
    all
}

#[test]
fn deep_and_large_ones_end() {
    // A message in a message, ten thousand levels deep.
    let mut message = part(1, b"M");
    for _ in 0..10_000 {
        message = [part(1, b"M"), part(3, &message)].concat();
    }
    let method = [part(1, b"Do"), part(2, b".M"), part(3, b".M")].concat();
    let of = |message: &[u8]| {
        let service = part(6, &[part(1, b"S"), part(2, &method)].concat());
        part(1, &[part(4, message), service].concat())
    };
    let spec = read_grpc("deep.pb", &of(&message)).expect("read as far as it goes");
    assert_eq!((spec.operations.len(), spec.schemas.len()), (1, 66));
    let long = part(1, &[b'm'; 2000]);
    let fault = read_grpc("long.pb", &of(&long)).expect_err("a name too long");
    assert!(fault.to_string().contains("a name that is too long"), "{fault}");
    let many = part(1, &part(6, &[part(1, b"S"), part(2, &method).repeat(100_001)].concat()));
    let fault = read_grpc("many.pb", &many).expect_err("too many");
    assert!(fault.to_string().contains("there are too many methods"), "{fault}");
}

#[test]
fn services_of_imports_are_left_out_where_it_is_known() {
    let method = [part(1, b"Do"), part(2, b".M"), part(3, b".M")].concat();
    let file = |name: &[u8]| part(6, &[part(1, name), part(2, &method)].concat());
    // Field 8042, a message with `is_import` as its first field.
    let imported = [&file(b"Other")[..], b"\xd2\xf6\x03\x02\x08\x01"].concat();
    let set = [part(1, &imported), part(1, &file(b"Own"))].concat();
    let spec = read_grpc("image.binpb", &set).expect("an image");
    assert_eq!(spec.operations.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["/Own/Do"]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_grpc("any.pb", &bytes);
    }

    #[test]
    fn one_byte_changed_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read_grpc("any.pb", &bytes);
    }
}
