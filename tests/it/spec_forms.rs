//! Members of forms against the bodies that are specified: what is not described is told once, what is
//! described in any of the ways in which forms write lists and members is not.

use sensor::call::{Credential, Facts, Place};
use sensor::inventory::catalog::Endpoint;
use sensor::inventory::compare::{self, DifferenceKind as Kind};
use sensor::inventory::spec::{Spec, Specs};

use crate::spec_fixture::{Change, endpoint, of_texts, service, spec};

const TEXT: Facts = Facts(Facts::STRING.0 | Facts::TEXT.0);
const DIGITS: Facts = Facts(Facts::STRING.0 | Facts::DIGITS.0);

fn told(spec: Spec, endpoint: &Endpoint) -> Vec<(Kind, String)> {
    let service = service("shop:8080", vec![endpoint.clone()]);
    let found = compare::endpoint(&Specs::of(vec![spec]), &service, endpoint);
    found
        .into_iter()
        .map(|one| (one.kind, one.field.map_or(String::new(), |key| key.name.to_string())))
        .collect()
}

fn of(fields: &[(&str, Facts)]) -> Vec<(Kind, String)> {
    let upload = endpoint("POST", "/v2/uploads", 20)
        .by(Credential::None, 20)
        .only(204)
        .sends("multipart/form-data", 20);
    let upload = fields.iter().fold(upload, |one, (name, facts)| one.field(Place::Form, name, *facts));
    told(spec("shop-1.json"), &upload)
}

#[test]
fn fields_of_multipart_forms() {
    let usual = [("name", TEXT), ("size", DIGITS), ("file", Facts::STRING)];
    assert_eq!(of(&usual), []);
    assert_eq!(of(&usual[..1]), []);
    let with = |more: &[(&'static str, Facts)]| of(&[&usual[..], more].concat());
    assert_eq!(with(&[("role", TEXT)]), [(Kind::UndocumentedField, "role".to_owned())]);
    // Names held back may be any, and so may what stands without a name.
    assert_eq!(with(&[("{name}", TEXT), ("", Facts::PARTIAL)]), []);
    // Of members of what is not described, one is told.
    let many =
        with(&[("lines[0][sku]", TEXT), ("lines[1][sku]", TEXT), ("lines.count", DIGITS), ("more", TEXT)]);
    assert_eq!(
        many.iter()
            .filter(|(kind, name)| *kind == Kind::UndocumentedField && name.starts_with("lines"))
            .count(),
        1
    );
    assert_eq!(many.len(), 2);
    assert_eq!(of(&[("name", TEXT), ("size", TEXT)]), [(Kind::TypeDrift, "size".to_owned())]);
}

#[test]
fn lists_and_members_as_forms_write_them() {
    let text = "openapi: 3.0.0
info: {title: T, version: '1'}
servers: [{url: 'http://shop:8080'}]
paths:
  /forms:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              properties:
                tags: {type: array, items: {type: string}}
                'ids[]': {type: array, items: {type: integer}}
                address: {type: object, properties: {street: {type: string}}}
                'a.b': {type: integer}
                x/y: {type: string}
          application/json:
            schema: {type: object, properties: {other: {type: string}}}
      responses: {'200': {description: all}}
  /free:
    post:
      requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object, additionalProperties: true}}}}
      responses: {'200': {description: all}}
  /json:
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {a: {type: string}}}}}}
      responses: {'200': {description: all}}
";
    let spec = || of_texts(&[("api.yaml", text)]).expect("a specification");
    let form = |path, calls| {
        endpoint("POST", path, calls)
            .by(Credential::None, calls)
            .sends("application/x-www-form-urlencoded", calls)
    };
    let good =
        ["tags", "tags[]", "tags[0]", "ids[]", "ids", "ids[1]", "address[street]", "address.street", "x/y"];
    let all = good.iter().fold(form("/forms", 9), |one, name| one.field(Place::Form, name, TEXT));
    assert_eq!(told(spec(), &all.clone().field(Place::Form, "a.b", DIGITS)), []);
    // What is only in the JSON is not in the form.
    let other = all.clone().field(Place::Form, "other", TEXT);
    assert_eq!(told(spec(), &other), [(Kind::UndocumentedField, "other".to_owned())]);
    let wrong = all.clone().field(Place::Form, "a.b", TEXT);
    assert_eq!(told(spec(), &wrong), [(Kind::TypeDrift, "a.b".to_owned())]);
    // What may have been refused proves nothing.
    let refused = all.answered(422, 3).partly(Place::Form, "other", TEXT, 3);
    let kinds: Vec<Kind> = told(spec(), &refused).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::UndocumentedStatus]);
    assert_eq!(told(spec(), &form("/free", 9).field(Place::Form, "any", TEXT)), []);
    // Where there is no form, that is the difference, and not its fields.
    let no_form = told(spec(), &form("/json", 9).field(Place::Form, "any", TEXT));
    assert_eq!(no_form, [(Kind::UndocumentedContentType, String::new())]);
}
