//! Schemas of a specification in one arena, and what may be asked of them: which types a place takes,
//! whether a member is described there, which formats. Compositions are read as alternatives: what any
//! part of `allOf`, `oneOf` or `anyOf` describes is described. Cycles are allowed.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::call::Facts;

/// Number of a schema in its specification.
pub type SchemaId = u32;

/// Parts of one composition that are looked at; past that, anything is allowed.
const PARTS_MAX: usize = 512;

/// JSON types, bits as in [`Facts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Types(pub u8);

/// What a schema says of a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// JSON pointer to it; in another file than the specification's own with that before, as `other.yaml#/a`.
    pub pointer: String,
    /// Types that it names; all, if none.
    #[serde(default, skip_serializing_if = "Types::is_all")]
    pub types: Types,
    /// It says that there may be null, whatever else it says.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub nullable: bool,
    /// Format of texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Members by name, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<(String, SchemaId)>,
    /// Members without which it is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// Members that are not named.
    #[serde(default, skip_serializing_if = "Additional::is_absent")]
    pub additional: Additional,
    /// Members by pattern; patterns are not evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<SchemaId>,
    /// Items of arrays: of the first ones and of the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SchemaId>,
    /// All of these hold too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<SchemaId>,
    /// One of each group holds too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<Vec<SchemaId>>,
    /// These may hold: `then`, `else`, and what is made of it by inheritance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maybe: Vec<SchemaId>,
    /// Only in responses.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub read_only: bool,
    /// Only in requests.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub write_only: bool,
}

/// Formats of texts that values can be held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// RFC 9562.
    Uuid,
    /// RFC 3339 full-date.
    Date,
    /// RFC 3339 date-time.
    DateTime,
    /// RFC 5321 mailbox.
    Email,
    /// RFC 2673.
    Ipv4,
    /// RFC 4291.
    Ipv6,
    /// RFC 3986.
    Uri,
}

/// What is said of members that are not named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Additional {
    /// Nothing.
    #[default]
    Absent,
    /// There are none.
    No,
    /// Anything.
    Any,
    /// They are so.
    Schema(SchemaId),
}

/// What a place says of one of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// It is described by these.
    Described(Vec<SchemaId>),
    /// Anything is allowed there.
    Free,
    /// There is no such member.
    Unknown,
}

impl Types {
    /// All of them.
    pub const ALL: Types = Types(0x7f);

    const fn is_all(&self) -> bool {
        self.0 == Types::ALL.0
    }

    /// The types of a name in JSON Schema.
    pub(super) fn of_name(name: &str) -> Option<Types> {
        let facts = match name {
            "null" => Facts::NULL,
            "boolean" => Facts::BOOLEAN,
            "integer" => Facts::INTEGER,
            "number" => Facts::INTEGER | Facts::NUMBER,
            "string" => Facts::STRING,
            "object" => Facts::OBJECT,
            "array" => Facts::ARRAY,
            _ => return None,
        };
        Some(Types(facts.types().0 as u8))
    }

    /// Those of what was seen that are not among them.
    pub const fn missing(self, seen: Facts) -> Facts {
        Facts(seen.types().0 & Types::ALL.0 as u32 & !(self.0 as u32))
    }

    /// For people: `integer or null`.
    pub fn text(self) -> String {
        let number = Facts::NUMBER.0 as u8;
        let shown = if self.0 & number != 0 { self.0 & !(Facts::INTEGER.0 as u8) } else { self.0 };
        let mut names: Vec<&str> = Facts(u32::from(shown)).names().collect();
        names.sort_by_key(|name| *name == "null");
        names.join(" or ")
    }
}

impl Default for Types {
    fn default() -> Types {
        Types::ALL
    }
}

impl Additional {
    fn is_absent(&self) -> bool {
        *self == Additional::Absent
    }
}

impl Format {
    pub(super) fn of_name(name: &str) -> Option<Format> {
        Some(match name {
            "uuid" => Format::Uuid,
            "date" => Format::Date,
            "date-time" => Format::DateTime,
            "email" => Format::Email,
            "ipv4" => Format::Ipv4,
            "ipv6" => Format::Ipv6,
            "uri" => Format::Uri,
            _ => return None,
        })
    }

    /// As in JSON Schema.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Uuid => "uuid",
            Format::Date => "date",
            Format::DateTime => "date-time",
            Format::Email => "email",
            Format::Ipv4 => "ipv4",
            Format::Ipv6 => "ipv6",
            Format::Uri => "uri",
        }
    }

    /// Formats of what was seen that values of this one cannot have. A text of no format may be one that
    /// only the border's strict reading does not know: mail addresses, URIs and addresses with a zone.
    pub fn violated(self, seen: Facts) -> Facts {
        let allowed = match self {
            Format::Uuid => Facts::UUID,
            Format::Date => Facts::DATE,
            Format::DateTime => Facts::DATE_TIME,
            Format::Email => Facts::EMAIL | Facts::TEXT,
            Format::Ipv4 => Facts::IPV4,
            Format::Ipv6 => Facts::IPV6 | Facts::TEXT,
            Format::Uri => Facts::URI | Facts::TEXT,
        };
        Facts(seen.formats().0 & !allowed.0)
    }
}

/// What was gathered of one member.
#[derive(Default)]
struct Gathered {
    found: Vec<SchemaId>,
    free: bool,
    /// Any part says which members there are.
    states: bool,
}

/// Schemas that are being looked at, so that cycles end, and how many more may be.
struct Walk {
    trail: SmallVec<[SchemaId; 16]>,
    left: usize,
}

impl Walk {
    fn new() -> Walk {
        Walk { trail: SmallVec::new(), left: PARTS_MAX }
    }

    /// Goes into a schema; `None` if that is one that holds itself, or one too many.
    fn enter<'a>(&mut self, schemas: Schemas<'a>, id: SchemaId) -> Option<&'a Schema> {
        let schema = schemas.schema(id)?;
        if self.left == 0 || self.trail.contains(&id) {
            return None;
        }
        self.left -= 1;
        self.trail.push(id);
        Some(schema)
    }

    fn leave(&mut self) {
        self.trail.pop();
    }
}

/// Questions to the arena.
#[derive(Clone, Copy)]
pub struct Schemas<'a>(pub &'a [Schema]);

impl<'a> Schemas<'a> {
    /// A schema by its number.
    pub fn schema(self, id: SchemaId) -> Option<&'a Schema> {
        self.0.get(id as usize)
    }

    /// Types that any of the places takes.
    pub fn types(self, places: &[SchemaId]) -> Types {
        Types(places.iter().fold(0, |types, &id| types | self.types_of(id, &mut Walk::new()).0))
    }

    fn types_of(self, id: SchemaId, walk: &mut Walk) -> Types {
        let Some(schema) = walk.enter(self, id) else { return Types::ALL };
        let mut types = schema.types.0;
        for &part in &schema.all {
            types &= self.types_of(part, walk).0;
        }
        for group in &schema.any {
            types &= group.iter().fold(0, |sum, &part| sum | self.types_of(part, walk).0);
        }
        walk.leave();
        Types(if schema.nullable { types | Facts::NULL.0 as u8 } else { types })
    }

    fn takes(self, id: SchemaId, fact: Facts) -> bool {
        self.types(&[id]).0 & fact.0 as u8 != 0
    }

    /// What any of the places says of a member; without a name, of a member whose name is not known.
    pub fn member(self, places: &[SchemaId], name: Option<&str>) -> Member {
        let mut found = Vec::new();
        for &id in places {
            let gathered = self.gather(id, name, &mut Walk::new());
            if gathered.free || (!gathered.states && gathered.found.is_empty()) {
                return Member::Free;
            }
            found.extend(gathered.found);
        }
        found.sort_unstable();
        found.dedup();
        if found.is_empty() { Member::Unknown } else { Member::Described(found) }
    }

    fn gather(self, id: SchemaId, name: Option<&str>, walk: &mut Walk) -> Gathered {
        let mut sum = Gathered::default();
        let Some(schema) = walk.enter(self, id) else {
            return Gathered { free: walk.left == 0, ..sum };
        };
        sum.states = !schema.properties.is_empty() || schema.additional == Additional::No;
        match name {
            Some(name) => {
                let known = schema.properties.binary_search_by(|(known, _)| known.as_str().cmp(name));
                sum.found.extend(known.map(|at| schema.properties[at].1));
            }
            None => sum.found.extend(schema.properties.iter().map(|(_, id)| *id)),
        }
        let is_named = name.is_some() && !sum.found.is_empty();
        if !is_named {
            sum.found.extend(&schema.patterns);
            match schema.additional {
                Additional::Schema(id) => sum.found.push(id),
                Additional::Any => sum.free = true,
                Additional::Absent | Additional::No => {}
            }
        }
        for &part in &schema.all {
            sum.add(self.gather(part, name, walk));
        }
        let states = sum.states || !sum.found.is_empty();
        for &part in schema.any.iter().flatten() {
            let takes_objects = self.takes(part, Facts::OBJECT);
            let part = self.gather(part, name, walk);
            // Where nothing else says which members there are, an alternative that says nothing allows all.
            sum.free |= takes_objects && !states && !part.states && part.found.is_empty();
            sum.add(part);
        }
        for &part in &schema.maybe {
            sum.add(self.gather(part, name, walk));
        }
        walk.leave();
        sum
    }

    /// What items of arrays at any of the places are; `None`: anything.
    pub fn items(self, places: &[SchemaId]) -> Option<Vec<SchemaId>> {
        let mut found = Vec::new();
        for &id in places {
            let before = found.len();
            self.items_of(id, &mut Walk::new(), &mut found);
            if found.len() == before && self.takes(id, Facts::ARRAY) {
                return None;
            }
        }
        found.sort_unstable();
        found.dedup();
        (!found.is_empty()).then_some(found)
    }

    fn items_of(self, id: SchemaId, walk: &mut Walk, found: &mut Vec<SchemaId>) {
        let Some(schema) = walk.enter(self, id) else { return };
        found.extend(&schema.items);
        for &part in schema.all.iter().chain(schema.any.iter().flatten()).chain(&schema.maybe) {
            self.items_of(part, walk, found);
        }
        walk.leave();
    }

    /// Formats of which texts at the places must have one; empty where any place takes other texts.
    pub fn formats(self, places: &[SchemaId]) -> Vec<Format> {
        let mut formats = Vec::new();
        for &id in places.iter().filter(|&&id| self.takes(id, Facts::STRING)) {
            let before = formats.len();
            if !self.formats_of(id, &mut Walk::new(), &mut formats) || formats.len() == before {
                return Vec::new();
            }
        }
        formats.sort_unstable();
        formats.dedup();
        formats
    }

    /// Gathers the formats of a schema; `false` if it takes texts of any.
    fn formats_of(self, id: SchemaId, walk: &mut Walk, formats: &mut Vec<Format>) -> bool {
        let Some(schema) = walk.enter(self, id) else { return false };
        let mut bound = false;
        if let Some(format) = schema.format {
            formats.push(format);
            bound = true;
        }
        for &part in &schema.all {
            bound |= self.formats_of(part, walk, formats);
        }
        for group in schema.any.iter().filter(|group| !group.is_empty()) {
            let mut texts = group.iter().filter(|&&part| self.takes(part, Facts::STRING)).peekable();
            // Alternatives of other types alone say nothing of texts, nor take any.
            let any = texts.peek().is_some();
            bound |= any && texts.all(|&part| self.formats_of(part, walk, formats));
        }
        walk.leave();
        bound
    }

    /// Names that all of the places require, sorted.
    pub fn required(self, places: &[SchemaId]) -> Vec<&'a str> {
        let mut names = Vec::new();
        for (at, &id) in places.iter().enumerate() {
            let own = self.required_of(id, &mut Walk::new());
            if at == 0 {
                names = own;
            } else {
                names.retain(|name| own.contains(name));
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    fn required_of(self, id: SchemaId, walk: &mut Walk) -> Vec<&'a str> {
        let Some(schema) = walk.enter(self, id) else { return Vec::new() };
        let mut names: Vec<&str> = schema.required.iter().map(String::as_str).collect();
        for &part in &schema.all {
            names.extend(self.required_of(part, walk));
        }
        for group in &schema.any {
            let mut each = group.iter().map(|&part| self.required_of(part, walk));
            let mut of_all = each.next().unwrap_or_default();
            each.for_each(|other| of_all.retain(|name| other.contains(name)));
            names.extend(of_all);
        }
        walk.leave();
        names
    }

    /// All of the places are only for responses (`readOnly`), or for requests (`writeOnly`).
    pub fn is_only(self, places: &[SchemaId], of_responses: bool) -> bool {
        let is = |id| self.is_only_of(id, of_responses, &mut Walk::new());
        !places.is_empty() && places.iter().all(|&id| is(id))
    }

    fn is_only_of(self, id: SchemaId, of_responses: bool, walk: &mut Walk) -> bool {
        let Some(schema) = walk.enter(self, id) else { return false };
        let own = if of_responses { schema.read_only } else { schema.write_only };
        let only = own || schema.all.iter().any(|&part| self.is_only_of(part, of_responses, walk));
        walk.leave();
        only
    }
}

impl Gathered {
    fn add(&mut self, other: Gathered) {
        self.found.extend(other.found);
        self.free |= other.free;
        self.states |= other.states;
    }
}
