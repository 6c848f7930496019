//! GraphQL schema definitions (October 2021, section 3) into a [`Spec`]: each field of a root type is an
//! operation whose path is a marker and its name, `/#query/user`, behind the path of any endpoint. Its
//! arguments are the body and its type is the response, though on the wire both stand deeper; neither is
//! held against calls. Names of operations in calls are clients' own: one that is no root field says nothing.

mod document;

use std::collections::{BTreeMap, HashMap};

use document::{Document, Field, Reference};

use super::schema::{Additional, Schema, SchemaId, Types};
use super::{Base, Body, Fault, Format, Media, Operation, Response, Spec, Statuses};
use crate::inventory::guidance::RouteSegment;
use crate::limits::OPENAPI_ROUTES_MAX;

/// Kinds of operations with the types that have them where no `schema` says otherwise (section 3.3.1).
const ROOTS: [(&str, &str); 3] =
    [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")];

/// Schema of a place where anything is allowed.
const ANYTHING: SchemaId = 0;

/// Whether a text without faults has anything that [`read`] makes a specification of: schemas are split over
/// several files, and operations of clients stand in files of the same name.
pub fn is_root(text: &str) -> bool {
    document::read(text).map_or(true, |document| !roots(&document).is_empty())
}

/// Reads a schema definition.
///
/// # Errors
/// The text is none: where, and why. Or its root types have no fields.
pub fn read(path: &str, text: &str) -> Result<Spec, Fault> {
    let document =
        document::read(text).map_err(|(line, what)| Fault { line, ..Fault::at(path, "", what) })?;
    let roots = roots(&document);
    if roots.is_empty() {
        let what = match document.has_operations && document.types.is_empty() {
            true => "these are operations of a client and no schema; a schema has a `type Query`",
            false => "there are no operations in the schema: it has no `type Query` with fields",
        };
        return Err(Fault::at(path, "", what));
    }
    if roots.len() > OPENAPI_ROUTES_MAX {
        return Err(Fault::at(path, "", format!("there are more than {OPENAPI_ROUTES_MAX} operations")));
    }
    let mut schemas = Schemas::of(&document);
    let operations = roots.into_iter().map(|(kind, name, field)| {
        let pointer = format!("{name}.{}", field.name);
        let media = |schema| vec![Media { range: "application/json".to_owned(), schema: Some(schema) }];
        let arguments = schemas.object(&field.arguments, &pointer);
        let response = Response {
            statuses: Statuses::One(200),
            content: media(schemas.place(field.of, &pointer)),
            pointer: pointer.clone(),
        };
        Operation {
            method: "POST".to_owned(),
            path: format!("/#{kind}/{}", field.name),
            segments: vec![
                RouteSegment::Literal(format!("#{kind}")),
                RouteSegment::Literal(field.name.to_owned()),
            ],
            bases: vec![0],
            deprecated: field.is_deprecated,
            body: Some(Body { required: true, content: media(arguments), pointer: pointer.clone() }),
            responses: vec![response],
            pointer,
            ..Operation::default()
        }
    });
    let operations = operations.collect();
    Ok(Spec {
        format: Format::Graphql,
        bases: vec![Base { services: vec!["*".to_owned()], path: String::new() }],
        operations,
        schemas: schemas.all,
        ..Spec::default()
    })
}

/// Fields of root types, each with the kind of operation and the name of the type.
fn roots<'d, 'a>(document: &'d Document<'a>) -> Vec<(&'static str, &'a str, &'d Field<'a>)> {
    let mut found = Vec::new();
    for (kind, usual) in ROOTS {
        let usual = (!document.names_roots).then_some(usual);
        let Some(name) = document.roots.get(kind).copied().or(usual) else { continue };
        let Some((name, root)) = document.types.get_key_value(name) else { continue };
        let mut seen = std::collections::BTreeSet::new();
        let fields = root.fields.iter().filter(|field| seen.insert(field.name));
        found.extend(fields.map(|field| (kind, *name, field)));
    }
    found
}

/// Schemas of all types, and of what fields make of them.
struct Schemas<'a> {
    all: Vec<Schema>,
    named: HashMap<&'a str, SchemaId>,
}

impl<'a> Schemas<'a> {
    fn of(document: &Document<'a>) -> Schemas<'a> {
        let mut schemas = Schemas { all: vec![Schema::default()], named: HashMap::new() };
        for (name, types) in [
            ("Int", &["integer"][..]),
            ("Float", &["integer", "number"]),
            ("String", &["string"]),
            ("Boolean", &["boolean"]),
            ("ID", &["string", "integer"]),
        ] {
            let id = schemas.push(Schema {
                pointer: name.to_owned(),
                types: of_names(types),
                ..Schema::default()
            });
            schemas.named.insert(name, id);
        }
        for name in document.types.keys() {
            let id = schemas.push(Schema { pointer: (*name).to_owned(), ..Schema::default() });
            schemas.named.insert(name, id);
        }
        let mut implementing: BTreeMap<&str, Vec<SchemaId>> = BTreeMap::new();
        for (name, read) in &document.types {
            for interface in &read.interfaces {
                implementing.entry(interface).or_default().push(schemas.id(name));
            }
        }
        for (name, read) in &document.types {
            let mut schema = Schema { pointer: (*name).to_owned(), ..Schema::default() };
            if read.is_enum {
                schema.types = of_names(&["string"]);
            } else if !read.members.is_empty() {
                schema.any = vec![read.members.iter().map(|name| schemas.id(name)).collect()];
            } else if !read.fields.is_empty() {
                schema = schemas.members(&read.fields, schema);
                schema.properties.push(("__typename".to_owned(), schemas.id("String")));
                schema.properties.sort();
                schema.maybe = implementing.get(name).cloned().unwrap_or_default();
            }
            let id = schemas.id(name) as usize;
            schemas.all[id] = schema;
        }
        schemas
    }

    fn push(&mut self, schema: Schema) -> SchemaId {
        self.all.push(schema);
        (self.all.len() - 1) as SchemaId
    }

    /// Number of a type; of one that is defined elsewhere, and of scalars of its own, anything.
    fn id(&self, name: &str) -> SchemaId {
        self.named.get(name).copied().unwrap_or(ANYTHING)
    }

    /// An object of arguments.
    fn object(&mut self, fields: &[Field<'a>], pointer: &str) -> SchemaId {
        let schema = Schema { pointer: pointer.to_owned(), additional: Additional::No, ..Schema::default() };
        let schema = self.members(fields, schema);
        self.push(schema)
    }

    fn members(&mut self, fields: &[Field<'a>], mut schema: Schema) -> Schema {
        schema.types = of_names(&["object"]);
        for field in fields {
            let id = self.place(field.of, &format!("{}.{}", schema.pointer, field.name));
            schema.properties.push((field.name.to_owned(), id));
            if field.of.is_required && !field.has_default {
                schema.required.push(field.name.to_owned());
            }
        }
        schema.properties.sort();
        schema.properties.dedup_by(|one, other| one.0 == other.0);
        schema
    }

    /// What a field of a type is.
    fn place(&mut self, of: Reference<'_>, pointer: &str) -> SchemaId {
        let mut id = self.id(of.name);
        for level in 1..=of.lists {
            let nullable = level < of.lists || !of.is_required;
            let (pointer, types) = (pointer.to_owned(), of_names(&["array"]));
            id = self.push(Schema { pointer, types, nullable, items: vec![id], ..Schema::default() });
        }
        if of.lists == 0 && !of.is_required && id != ANYTHING {
            id = self.push(Schema {
                pointer: pointer.to_owned(),
                nullable: true,
                all: vec![id],
                ..Schema::default()
            });
        }
        id
    }
}

fn of_names(names: &[&str]) -> Types {
    Types(names.iter().filter_map(|name| Types::of_name(name)).fold(0, |sum, types| sum | types.0))
}
