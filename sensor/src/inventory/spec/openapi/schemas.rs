//! Schemas of a document into the arena. Those that are referred to are read once each, by a queue, so
//! that neither cycles nor long chains go deep.

use std::collections::{HashMap, VecDeque};

use super::super::fault::escaped;
use super::super::schema::{Additional, Format as TextFormat, Schema, SchemaId, Types};
use super::super::{Fault, Format};
use super::files::{Files, Spot};
use super::{flag, is_nothing};
use crate::inventory::yaml::{Node, Value};
use crate::limits::SPEC_SCHEMAS_MAX;

/// Reads schemas.
pub(super) struct Builder<'a> {
    files: &'a Files,
    format: Format,
    schemas: Vec<Schema>,
    /// By file and pointer there.
    known: HashMap<(&'a str, String), SchemaId>,
    /// Referred to and not read yet.
    queue: VecDeque<(SchemaId, Spot<'a>, String)>,
    /// Schemas that others may be made of without saying so.
    bases: Vec<SchemaId>,
    knows_all: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(files: &'a Files, format: Format) -> Builder<'a> {
        Builder {
            files,
            format,
            schemas: Vec::new(),
            known: HashMap::new(),
            queue: VecDeque::new(),
            bases: Vec::new(),
            knows_all: false,
        }
    }

    /// All schemas.
    pub(super) fn finish(mut self) -> Result<Vec<Schema>, Fault> {
        self.drain()?;
        // What is made of a base is where a base is asked for.
        for base in self.bases.clone() {
            let of_base = |schema: &Schema| schema.all.contains(&base);
            let heirs: Vec<SchemaId> =
                (0..).zip(&self.schemas).filter(|(_, schema)| of_base(schema)).map(|(id, _)| id).collect();
            self.schemas[base as usize].maybe.extend(heirs);
        }
        Ok(self.schemas)
    }

    /// A schema of members with their schemas, as forms have them.
    pub(super) fn object(&mut self, members: Vec<(String, bool, SchemaId)>, pointer: &str) -> SchemaId {
        let required = members.iter().filter(|(_, required, _)| *required);
        let mut schema = Schema {
            pointer: pointer.to_owned(),
            types: Types::of_name("object").unwrap_or_default(),
            required: required.map(|(name, ..)| name.clone()).collect(),
            properties: members.into_iter().map(|(name, _, id)| (name, id)).collect(),
            ..Schema::default()
        };
        schema.properties.sort();
        self.schemas.push(schema);
        (self.schemas.len() - 1) as SchemaId
    }

    /// The schema at a place, and all that it refers to.
    pub(super) fn build(&mut self, spot: Spot<'a>, pointer: &str) -> Result<SchemaId, Fault> {
        let id = self.schema(spot, pointer)?;
        self.drain()?;
        Ok(id)
    }

    fn drain(&mut self) -> Result<(), Fault> {
        while let Some((id, spot, pointer)) = self.queue.pop_front() {
            self.fill(id, spot, &pointer)?;
        }
        Ok(())
    }

    /// A number for a schema: of its target if it is nothing but a reference.
    fn schema(&mut self, spot: Spot<'a>, pointer: &str) -> Result<SchemaId, Fault> {
        if let Some(reference) = reference(spot.node) {
            let target = self.target(spot, reference, pointer)?;
            // In 3.1 a reference may have other keywords beside it; `nullable` is written so in 3.0 too.
            if spot.node.members().len() == 1 {
                return Ok(target);
            }
        }
        let id = self.new_id(spot, pointer)?;
        self.fill(id, spot, pointer)?;
        Ok(id)
    }

    fn new_id(&mut self, spot: Spot<'_>, pointer: &str) -> Result<SchemaId, Fault> {
        if self.schemas.len() >= SPEC_SCHEMAS_MAX {
            let what = format!("there are more than {SPEC_SCHEMAS_MAX} schemas");
            return Err(spot.fault(pointer, what));
        }
        let own = self.files.root().path == spot.path;
        let pointer = if own { pointer.to_owned() } else { format!("{}#{pointer}", spot.path) };
        self.schemas.push(Schema { pointer, ..Schema::default() });
        Ok((self.schemas.len() - 1) as SchemaId)
    }

    fn target(&mut self, spot: Spot<'a>, reference: &str, pointer: &str) -> Result<SchemaId, Fault> {
        let (target, place) = self.files.target(spot, reference, pointer)?;
        let key = (target.path, place);
        if let Some(&known) = self.known.get(&key) {
            return Ok(known);
        }
        let id = self.new_id(target, &key.1)?;
        self.queue.push_back((id, target, key.1.clone()));
        self.known.insert(key, id);
        Ok(id)
    }

    fn fill(&mut self, id: SchemaId, spot: Spot<'a>, pointer: &str) -> Result<(), Fault> {
        let node = spot.node;
        if let Value::Scalar(text) = &node.value {
            // `true` takes anything, `false` nothing.
            if text == "false" {
                self.schemas[id as usize].types = Types(0);
            }
            return Ok(());
        }
        if !super::is_map(node) {
            // Deeper than is read: anything.
            if node.value == Value::Deep {
                return Ok(());
            }
            return Err(spot.fault(pointer, format!("there is {} and no schema", node.kind())));
        }
        let mut schema =
            Schema { pointer: std::mem::take(&mut self.schemas[id as usize].pointer), ..Schema::default() };
        if let Some(reference) = reference(node) {
            schema.all.push(self.target(spot, reference, pointer)?);
        }
        self.types(node, &mut schema);
        let text = |name: &str| node.member(name).and_then(Node::text).unwrap_or_default();
        schema.format = TextFormat::of_name(text("format"));
        schema.nullable = flag(node, "nullable") || flag(node, "x-nullable");
        schema.read_only = flag(node, "readOnly");
        schema.write_only = flag(node, "writeOnly");
        if let Some(required) = node.member("required") {
            schema.required = required.items().iter().filter_map(Node::text).map(str::to_owned).collect();
        }
        if let Some(properties) = spot.member("properties") {
            for (name, _, node) in properties.node.members() {
                let pointer = format!("{pointer}/properties/{}", escaped(name));
                schema.properties.push((name.clone(), self.schema(properties.to(node), &pointer)?));
            }
            schema.properties.sort();
            schema.properties.dedup_by(|one, other| one.0 == other.0);
        }
        if let Some(patterns) = spot.member("patternProperties") {
            for (name, _, node) in patterns.node.members() {
                let pointer = format!("{pointer}/patternProperties/{}", escaped(name));
                schema.patterns.push(self.schema(patterns.to(node), &pointer)?);
            }
        }
        for key in ["additionalProperties", "unevaluatedProperties"] {
            let Some(more) = spot.member(key) else { continue };
            schema.additional = match more.node.text() {
                Some("false") => Additional::No,
                Some(_) => Additional::Any,
                None if more.node.members().is_empty() => Additional::Any,
                None => Additional::Schema(self.schema(more, &format!("{pointer}/{key}"))?),
            };
        }
        for key in ["items", "prefixItems", "additionalItems", "unevaluatedItems"] {
            let Some(items) = spot.member(key).filter(|items| items.node.text().is_none()) else { continue };
            schema.items.extend(self.list(items, &format!("{pointer}/{key}"))?);
        }
        if let Some(all) = spot.member("allOf") {
            schema.all.extend(self.list(all, &format!("{pointer}/allOf"))?);
        }
        for key in ["oneOf", "anyOf"] {
            let Some(any) = spot.member(key) else { continue };
            let group = self.list(any, &format!("{pointer}/{key}"))?;
            if !group.is_empty() {
                schema.any.push(group);
            }
        }
        for key in ["then", "else"] {
            if let Some(part) = spot.member(key) {
                schema.maybe.push(self.schema(part, &format!("{pointer}/{key}"))?);
            }
        }
        if let Some(parts) = spot.member("dependentSchemas") {
            for (name, _, node) in parts.node.members() {
                let pointer = format!("{pointer}/dependentSchemas/{}", escaped(name));
                schema.maybe.push(self.schema(parts.to(node), &pointer)?);
            }
        }
        if node.member("discriminator").is_some() && schema.any.is_empty() {
            self.bases.push(id);
            self.know_all()?;
        }
        self.schemas[id as usize] = schema;
        Ok(())
    }

    fn list(&mut self, list: Spot<'a>, pointer: &str) -> Result<Vec<SchemaId>, Fault> {
        match &list.node.value {
            Value::List(items) => {
                let each = items.iter().enumerate();
                each.map(|(at, node)| self.schema(list.to(node), &format!("{pointer}/{at}"))).collect()
            }
            _ => Ok(vec![self.schema(list, pointer)?]),
        }
    }

    fn types(&self, node: &Node, schema: &mut Schema) {
        let names: Vec<&str> = match node.member("type") {
            None => Vec::new(),
            Some(node) => match node.text() {
                Some(text) => vec![text],
                None => node.items().iter().filter_map(Node::text).collect(),
            },
        };
        // A name that is none of a type, as `file`, takes anything. A null may be written as one.
        let each = names.iter().map(|name| match name {
            name if is_nothing(name) && self.format == Format::Openapi31 => Types::of_name("null"),
            name => Types::of_name(name),
        });
        let types = each.map(|types| types.unwrap_or(Types::ALL).0).fold(0, |sum, types| sum | types);
        if !names.is_empty() {
            schema.types = Types(types);
        }
        let values = node.member("enum").map_or(&[][..], Node::items);
        if values.iter().any(|value| value.text().is_some_and(is_nothing)) {
            schema.nullable = true;
        }
    }

    /// Reads all schemas that have names, since some may be made of others that do not name them.
    fn know_all(&mut self) -> Result<(), Fault> {
        if std::mem::replace(&mut self.knows_all, true) {
            return Ok(());
        }
        let root = self.files.root();
        let named = match self.format {
            Format::Swagger20 => ("/definitions", root.member("definitions")),
            _ => {
                let components = root.member("components");
                ("/components/schemas", components.and_then(|components| components.member("schemas")))
            }
        };
        let (above, Some(all)) = named else { return Ok(()) };
        for (name, ..) in all.node.members() {
            let reference = format!("#{above}/{}", escaped(name).replace('%', "%25"));
            self.target(root, &reference, above)?;
        }
        Ok(())
    }
}

fn reference(node: &Node) -> Option<&str> {
    node.member("$ref").and_then(Node::text)
}
