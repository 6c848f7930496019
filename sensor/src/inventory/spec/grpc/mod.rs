//! Descriptor sets of Protocol Buffers, as `protoc --descriptor_set_out` and `buf build` write them, into a
//! [`Spec`]: each method of a service is an operation `POST /package.Service/Method`, and `GET` too where it
//! has no side effects (Connect). Messages are schemas
//! in which a field stands three times: by its name, by its name in JSON, and by its number, which is all
//! that is on the wire. `descriptor.proto` as published with protobuf 3; what is not known there is read
//! over. Services of imported files are not taken where the set says which files those are (buf does).

mod named;
mod wire;

use std::collections::HashMap;

use wire::{Broken, Part, Value};

use super::schema::{Additional, Schema, SchemaId, Types};
use super::{
    Base, Body, Fault, Format, Media, Operation, Parameter, ParameterPlace, Response, Spec, Statuses,
};
use crate::call::Descriptors;
use crate::inventory::guidance::RouteSegment;
use crate::limits::{DESCRIPTOR_LEVELS_MAX, DESCRIPTOR_NAME_BYTES_MAX, OPENAPI_ROUTES_MAX, SPEC_SCHEMAS_MAX};

/// Media types in which messages travel: gRPC, gRPC-Web, and Connect with either coding.
const RANGES: [&str; 4] =
    ["application/grpc", "application/grpc-web", "application/protobuf", "application/json"];

/// Parameters in which Connect puts a message that is asked for with GET.
const PARAMETERS: [&str; 5] = ["base64", "compression", "connect", "encoding", "message"];

/// A level of idempotency.
const NO_SIDE_EFFECTS: u64 = 1;

/// Schema of a place where anything is allowed.
const ANYTHING: SchemaId = 0;

const HOW: &str =
    "`protoc --include_imports --descriptor_set_out=FILE` or `buf build -o FILE.binpb` makes one";

/// Reads a `FileDescriptorSet`.
///
/// # Errors
/// The bytes are none, or there is no service in it.
pub fn read(path: &str, bytes: &[u8]) -> Result<Spec, Fault> {
    Ok(set(path, bytes)?.spec())
}

/// Names and kinds of the fields in a `FileDescriptorSet`.
///
/// # Errors
/// As of [`read`].
pub fn read_descriptors(path: &str, bytes: &[u8]) -> Result<Descriptors, Fault> {
    Ok(set(path, bytes)?.descriptors())
}

fn set<'a>(path: &str, bytes: &'a [u8]) -> Result<Set<'a>, Fault> {
    let mut set = Set::default();
    set.read(Part::of_file(bytes)).map_err(|Broken { at, what }| {
        Fault::at(path, &format!("byte {at}"), format!("this is no descriptor set: {what}; {HOW}"))
    })?;
    if set.methods.is_empty() {
        let what = match set.messages.is_empty() {
            true => format!("there is nothing in the descriptor set; {HOW}"),
            false => "there is no service in the descriptor set".to_owned(),
        };
        return Err(Fault::at(path, "", what));
    }
    Ok(set)
}

#[derive(Default)]
struct Set<'a> {
    messages: Vec<Message<'a>>,
    methods: Vec<Method<'a>>,
    fields: usize,
}

struct Message<'a> {
    /// With its package, from the root: `.shop.Order`.
    name: String,
    /// Entry of a map: in JSON its values are members of any name.
    is_entry: bool,
    /// There may be fields that other files define.
    is_extensible: bool,
    fields: Vec<Field<'a>>,
}

#[derive(Default)]
struct Field<'a> {
    number: u64,
    name: &'a str,
    json: &'a str,
    kind: u64,
    is_repeated: bool,
    of: &'a str,
}

struct Method<'a> {
    service: String,
    name: &'a str,
    takes: &'a str,
    gives: &'a str,
    is_deprecated: bool,
    /// It changes nothing, so that Connect may ask for it with GET.
    is_safe: bool,
}

impl<'a> Set<'a> {
    fn read(&mut self, set: Part<'a>) -> Result<(), Broken> {
        for field in set.fields() {
            match field? {
                (1, Value::Part(file)) => self.file(file)?,
                _ => return Err(set.broken("it does not consist of files")),
            }
        }
        Ok(())
    }

    /// A `FileDescriptorProto`.
    fn file(&mut self, file: Part<'a>) -> Result<(), Broken> {
        let package = name_at(file, 2)?;
        let scope = if package.is_empty() { String::new() } else { format!(".{package}") };
        let mut is_import = false;
        for part in file.parts() {
            // buf's extension says which files were not asked for themselves.
            if let (8042, part) = part? {
                is_import = has(part, 1)?;
            }
        }
        for part in file.parts() {
            match part? {
                (4, message) => self.message(message, &scope, 0)?,
                (6, service) if !is_import => self.service(service, package)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A `DescriptorProto` with those within. What is nested deeper than any compiler takes is left out.
    fn message(&mut self, message: Part<'a>, scope: &str, level: usize) -> Result<(), Broken> {
        let name = format!("{scope}.{}", name_at(message, 1)?);
        let mut read =
            Message { name: name.clone(), is_entry: false, is_extensible: false, fields: Vec::new() };
        for part in message.parts() {
            match part? {
                (2, part) => read.fields.push(field(part)?),
                (3, part) if level < DESCRIPTOR_LEVELS_MAX => self.message(part, &name, level + 1)?,
                (5, _) => read.is_extensible = true,
                (7, options) => read.is_entry = has(options, 7)?,
                _ => {}
            }
        }
        self.fields += read.fields.len();
        self.messages.push(read);
        // Each field needs two schemas at the most, each message two.
        if (self.fields + self.messages.len()) * 2 >= SPEC_SCHEMAS_MAX {
            return Err(message.broken("there are too many messages and fields"));
        }
        Ok(())
    }

    /// A `ServiceDescriptorProto`.
    fn service(&mut self, service: Part<'a>, package: &str) -> Result<(), Broken> {
        let name = name_at(service, 1)?;
        let name = if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") };
        let mut all_deprecated = false;
        for part in service.parts() {
            if let (3, options) = part? {
                all_deprecated = has(options, 33)?;
            }
        }
        for part in service.parts() {
            let (2, part) = part? else { continue };
            let mut method = Method {
                service: name.clone(),
                name: name_at(part, 1)?,
                takes: name_at(part, 2)?,
                gives: name_at(part, 3)?,
                is_deprecated: all_deprecated,
                is_safe: false,
            };
            for option in part.parts() {
                if let (4, options) = option? {
                    method.is_deprecated |= has(options, 33)?;
                    method.is_safe |= options.numbers().any(|option| option == Ok((34, NO_SIDE_EFFECTS)));
                }
            }
            self.methods.push(method);
            if self.methods.len() > OPENAPI_ROUTES_MAX {
                return Err(part.broken("there are too many methods"));
            }
        }
        Ok(())
    }

    fn spec(self) -> Spec {
        let (numbers, schemas) = self.schemas();
        let of = |name: &str| numbers.get(name).copied();
        let content = |name: &str| -> Vec<Media> {
            RANGES.iter().map(|&range| Media { range: range.to_owned(), schema: of(name) }).collect()
        };
        let pointer = |name: &str| name.trim_start_matches('.').to_owned();
        let operation = |method: &Method<'_>| Operation {
            method: "POST".to_owned(),
            path: format!("/{}/{}", method.service, method.name),
            segments: vec![
                RouteSegment::Literal(method.service.clone()),
                RouteSegment::Literal(method.name.to_owned()),
            ],
            bases: vec![0],
            pointer: format!("{}.{}", method.service, method.name),
            deprecated: method.is_deprecated,
            body: Some(Body {
                required: false,
                content: content(method.takes),
                pointer: pointer(method.takes),
            }),
            responses: vec![
                Response {
                    statuses: Statuses::One(200),
                    content: content(method.gives),
                    pointer: pointer(method.gives),
                },
                // What proxies answer, and errors of Connect.
                Response { statuses: Statuses::Default, content: Vec::new(), pointer: pointer(method.gives) },
            ],
            ..Operation::default()
        };
        let with_get = |method: &Method<'_>| {
            let post = operation(method);
            let parameter = |name: &&str| Parameter {
                place: ParameterPlace::Query,
                name: (*name).to_owned(),
                required: false,
                schema: None,
                pointer: post.pointer.clone(),
            };
            let get = method.is_safe.then(|| Operation {
                method: "GET".to_owned(),
                body: None,
                parameters: PARAMETERS.iter().map(parameter).collect(),
                ..post.clone()
            });
            [Some(post), get].into_iter().flatten()
        };
        Spec {
            title: self.methods.first().map(|method| method.service.clone()).unwrap_or_default(),
            format: Format::Grpc,
            bases: vec![Base { services: vec!["*".to_owned()], path: String::new() }],
            operations: self.methods.iter().flat_map(with_get).collect(),
            schemas,
            ..Spec::default()
        }
    }

    /// Numbers of messages by name, and all schemas: [`ANYTHING`], messages in their order, what fields need.
    fn schemas(&self) -> (HashMap<&str, SchemaId>, Vec<Schema>) {
        let numbers: HashMap<&str, SchemaId> =
            self.messages.iter().map(|message| message.name.as_str()).zip(1..).collect();
        let mut schemas = vec![Schema::default(); self.messages.len() + 1];
        for (message, at) in self.messages.iter().zip(1usize..) {
            let pointer = message.name.trim_start_matches('.').to_owned();
            // On the wire neither a message nor a list can be told from a text by what it looks like.
            let mut schema = Schema { pointer, ..Schema::default() };
            if message.is_extensible {
                schema.additional = Additional::Any;
            }
            for field in &message.fields {
                let pointer = format!("{}.{}", schema.pointer, field.name);
                let of = numbers.get(field.of).copied();
                let by_number = of.filter(|_| !is_well_known(field.of)).unwrap_or(ANYTHING);
                let entry = of.and_then(|of| self.messages.get(of as usize - 1)).filter(|of| of.is_entry);
                let schema_of_name = if let Some(entry) = entry {
                    let values = entry.fields.iter().find(|field| field.number == 2).map(|field| field.of);
                    let values = values.filter(|of| !is_well_known(of)).and_then(|of| numbers.get(of));
                    let patterns = vec![values.copied().unwrap_or(ANYTHING)];
                    Some(Schema { patterns, ..Schema::default() })
                } else if is_message(field.kind) {
                    None
                } else {
                    Some(Schema { types: types(field.kind), nullable: true, ..Schema::default() })
                };
                let mut by_name = match schema_of_name {
                    Some(schema) => push(&mut schemas, Schema { pointer: pointer.clone(), ..schema }),
                    None => by_number,
                };
                if field.is_repeated && entry.is_none() {
                    let types = Types::of_name("array").unwrap_or_default();
                    let list = Schema { types, nullable: true, items: vec![by_name], ..Schema::default() };
                    by_name = push(&mut schemas, Schema { pointer, ..list });
                }
                for name in [field.name, field.json] {
                    schema.properties.push((name.to_owned(), by_name));
                }
                schema.properties.push((field.number.to_string(), by_number));
            }
            schema.properties.retain(|(name, _)| !name.is_empty());
            schema.properties.sort();
            schema.properties.dedup_by(|one, other| one.0 == other.0);
            // A message without fields takes none.
            if schema.properties.is_empty() && !message.is_extensible {
                schema.additional = Additional::No;
            }
            schemas[at] = schema;
        }
        (numbers, schemas)
    }
}

fn push(schemas: &mut Vec<Schema>, schema: Schema) -> SchemaId {
    schemas.push(schema);
    (schemas.len() - 1) as SchemaId
}

/// A message, or a group as the first generation had them.
fn is_message(kind: u64) -> bool {
    matches!(kind, 10 | 11)
}

/// Messages that JSON writes in a form of their own: times, wrappers, structures.
fn is_well_known(name: &str) -> bool {
    name.starts_with(".google.protobuf.")
}

/// A `FieldDescriptorProto`.
fn field(part: Part<'_>) -> Result<Field<'_>, Broken> {
    let mut field = Field {
        name: name_at(part, 1)?,
        json: name_at(part, 10)?,
        of: name_at(part, 6)?,
        ..Field::default()
    };
    for number in part.numbers() {
        match number? {
            (3, value) => field.number = value,
            (4, value) => field.is_repeated = value == 3,
            (5, value) => field.kind = value,
            _ => {}
        }
    }
    Ok(field)
}

/// JSON types of a field's kind, as the JSON mapping of proto3 has them: numbers may be texts too.
fn types(kind: u64) -> Types {
    let names: &[&str] = match kind {
        1 | 2 => &["number", "string"],
        3..=7 | 13 | 15..=18 => &["integer", "string"],
        8 => &["boolean"],
        9 | 12 => &["string"],
        14 => &["string", "integer"],
        _ => return Types::ALL,
    };
    Types(names.iter().filter_map(|name| Types::of_name(name)).fold(0, |sum, types| sum | types.0))
}

fn name_at(part: Part<'_>, number: u64) -> Result<&str, Broken> {
    part.text_at(number, DESCRIPTOR_NAME_BYTES_MAX)
}

/// A flag is set.
fn has(part: Part<'_>, wanted: u64) -> Result<bool, Broken> {
    let mut is_set = false;
    for number in part.numbers() {
        let (number, value) = number?;
        is_set |= number == wanted && value != 0;
    }
    Ok(is_set)
}
