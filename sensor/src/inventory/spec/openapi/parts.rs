//! Parameters, bodies and responses of one operation, of either generation of the language.

use super::super::fault::escaped;
use super::super::{Body, Fault, Format, Media, Operation, Parameter, ParameterPlace, Response, Statuses};
use super::files::Spot;
use super::{Reader, flag, is_map, is_nothing, set_takes};
use crate::inventory::guidance::{Takes, parameter_name};
use crate::inventory::yaml::Node;

/// Most parameters of an operation that are read.
const PARAMETERS_MAX: usize = 1024;

impl<'a> Reader<'a> {
    /// Parameters of the path item and of the operation, of which the latter win.
    pub(super) fn parameters(
        &mut self,
        item: Spot<'a>,
        operation: Spot<'a>,
        read: &mut Operation,
    ) -> Result<(), Fault> {
        let root = self.files.root();
        let above = read.pointer.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
        let mut form: Vec<(String, bool, u32)> = Vec::new();
        for (spot, base) in [(item, above), (operation, read.pointer.clone())] {
            let Some(list) = spot.member("parameters") else { continue };
            for (at, node) in list.node.items().iter().enumerate().take(PARAMETERS_MAX) {
                let pointer = format!("{base}/parameters/{at}");
                let spot = self.files.resolve(list.to(node), &pointer)?;
                if !is_map(spot.node) {
                    let what = format!("there is {} and no parameter", spot.node.kind());
                    return Err(root.fault(&pointer, what));
                }
                let text = |name: &str| spot.node.member(name).and_then(Node::text).unwrap_or_default();
                let (name, place) = (text("name"), text("in"));
                if name.is_empty() && place != "body" {
                    return Err(root.fault(&pointer, "a parameter has no `name`"));
                }
                let required = flag(spot.node, "required");
                let place = match place {
                    "query" => ParameterPlace::Query,
                    "header" => ParameterPlace::Header,
                    "cookie" => ParameterPlace::Cookie,
                    "path" => {
                        let takes = self.takes(spot)?;
                        let shown = parameter_name(name);
                        set_takes(&mut read.segments, &shown, takes);
                        continue;
                    }
                    "body" => {
                        let schema = self.schema(spot.member("schema"), &format!("{pointer}/schema"))?;
                        let content = self.ranges(operation, "consumes", schema);
                        read.body = Some(Body { required, content, pointer });
                        continue;
                    }
                    "formData" => {
                        let schema = self.schemas.build(spot, &pointer)?;
                        form.retain(|(known, ..)| known != name);
                        form.push((name.to_owned(), required, schema));
                        continue;
                    }
                    // All of them as one: nothing is said of any.
                    "querystring" => continue,
                    "" => return Err(root.fault(&pointer, "a parameter does not say where it is, with `in`")),
                    other => {
                        let what = format!(
                            "a parameter is not in `{other}`; it is in query, header, path, cookie, or, in 2.0, \
                             body or formData"
                        );
                        return Err(root.fault(&pointer, what));
                    }
                };
                let schema = self.parameter_schema(spot, &pointer)?;
                let name =
                    if place == ParameterPlace::Header { name.to_ascii_lowercase() } else { name.to_owned() };
                read.parameters.retain(|known| known.place != place || known.name != name);
                read.parameters.push(Parameter { place, name, required, schema, pointer });
            }
        }
        if !form.is_empty() {
            let pointer = format!("{}/parameters", read.pointer);
            let required = form.iter().any(|(_, required, _)| *required);
            let schema = Some(self.schemas.object(form, &pointer));
            let mut content = self.ranges(operation, "consumes", schema);
            if content.iter().any(|media| media.range == "*/*") {
                let forms = ["application/x-www-form-urlencoded", "multipart/form-data"];
                content = forms.iter().map(|&range| Media { range: range.to_owned(), schema }).collect();
            }
            read.body = Some(Body { required, content, pointer });
        }
        Ok(())
    }

    /// Of a parameter beside the path; `None` if its values are coded in a way that is not read.
    fn parameter_schema(&mut self, spot: Spot<'a>, pointer: &str) -> Result<Option<u32>, Fault> {
        if self.format == Format::Swagger20 {
            return Ok(Some(self.schemas.build(spot, pointer)?));
        }
        self.schema(spot.member("schema"), &format!("{pointer}/schema"))
    }

    fn schema(&mut self, spot: Option<Spot<'a>>, pointer: &str) -> Result<Option<u32>, Fault> {
        spot.map(|spot| self.schemas.build(spot, pointer)).transpose()
    }

    /// What a path parameter takes, from its schema's first level.
    fn takes(&mut self, parameter: Spot<'a>) -> Result<Takes, Fault> {
        let spot = match self.format {
            Format::Swagger20 => parameter,
            _ => match parameter.member("schema") {
                Some(spot) => spot,
                None => return Ok(Takes::Any),
            },
        };
        // A reference that leads nowhere is told where schemas are read.
        let Ok(spot) = self.files.resolve(spot, "") else { return Ok(Takes::Any) };
        Ok(takes_of(spot.node))
    }

    /// The request body of version 3.
    pub(super) fn body(&mut self, operation: Spot<'a>, read: &mut Operation) -> Result<(), Fault> {
        let (Some(spot), false) = (operation.member("requestBody"), self.format == Format::Swagger20) else {
            return Ok(());
        };
        let pointer = format!("{}/requestBody", read.pointer);
        let spot = self.files.resolve(spot, &pointer)?;
        let content = self.content(spot, &pointer)?;
        read.body = Some(Body { required: flag(spot.node, "required"), content, pointer });
        Ok(())
    }

    pub(super) fn responses(&mut self, operation: Spot<'a>, read: &mut Operation) -> Result<(), Fault> {
        let Some(all) = operation.member("responses") else { return Ok(()) };
        let all = self.files.resolve(all, &read.pointer)?;
        for (code, _, node) in all.node.members() {
            if code.starts_with("x-") {
                continue;
            }
            let pointer = format!("{}/responses/{}", read.pointer, escaped(code));
            let Some(statuses) = statuses(code) else {
                let what = format!("`{code}` is no status; one is as `200`, `2XX` or `default`");
                return Err(self.files.root().fault(&pointer, what));
            };
            let spot = self.files.resolve(all.to(node), &pointer)?;
            let content = if self.format == Format::Swagger20 {
                match self.schema(spot.member("schema"), &format!("{pointer}/schema"))? {
                    Some(schema) => self.ranges(operation, "produces", Some(schema)),
                    None => Vec::new(),
                }
            } else {
                self.content(spot, &pointer)?
            };
            read.responses.push(Response { statuses, content, pointer });
        }
        Ok(())
    }

    fn content(&mut self, spot: Spot<'a>, pointer: &str) -> Result<Vec<Media>, Fault> {
        let Some(content) = spot.member("content") else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for (range, _, node) in content.node.members() {
            let pointer = format!("{pointer}/content/{}", escaped(range));
            let media = self.files.resolve(content.to(node), &pointer)?;
            let schema = self.schema(media.member("schema"), &format!("{pointer}/schema"))?;
            all.push(Media { range: essence(range), schema });
        }
        Ok(all)
    }

    /// Media types of version 2, of the operation or of the document, each with one schema.
    fn ranges(&self, operation: Spot<'_>, key: &str, schema: Option<u32>) -> Vec<Media> {
        let root = self.files.root();
        let list = operation.node.member(key).or_else(|| root.node.member(key));
        let mut ranges: Vec<String> =
            list.map_or(&[][..], Node::items).iter().filter_map(Node::text).map(essence).collect();
        if ranges.is_empty() {
            ranges.push("*/*".to_owned());
        }
        ranges.into_iter().map(|range| Media { range, schema }).collect()
    }
}

/// A media type or range without its parameters.
fn essence(range: &str) -> String {
    range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn statuses(code: &str) -> Option<Statuses> {
    let lower = code.to_ascii_lowercase();
    match lower.as_bytes() {
        b"default" => Some(Statuses::Default),
        [digit @ b'1'..=b'5', b'x', b'x'] => Some(Statuses::Hundred(u16::from(digit - b'0'))),
        _ => match lower.parse::<u16>() {
            Ok(status @ 100..=999) => Some(Statuses::One(status)),
            _ => None,
        },
    }
}

/// What a path parameter with this schema takes.
fn takes_of(node: &Node) -> Takes {
    let text = |name: &str| node.member(name).and_then(Node::text).unwrap_or_default();
    if let Some(texts) = node.member("enum").map(Node::items).filter(|items| !items.is_empty()) {
        let known: Vec<String> =
            texts.iter().filter_map(Node::text).filter(|text| !is_nothing(text)).map(str::to_owned).collect();
        return if known.len() == texts.len() { Takes::Enum(known) } else { Takes::Any };
    }
    // In 3.1 a type may be a list.
    let types = node.member("type").map_or(&[][..], Node::items);
    let kind = match types {
        [only] => only.text().unwrap_or_default(),
        _ => text("type"),
    };
    match (kind, text("format")) {
        ("integer", _) => Takes::Integer,
        ("number", _) => Takes::Number,
        ("boolean", _) => Takes::Boolean,
        ("string", "uuid") => Takes::Uuid,
        ("string", "date" | "date-time") => Takes::Date,
        ("string", _) => takes_of_pattern(text("pattern")),
        _ => Takes::Any,
    }
}

/// Of the simplest patterns only: one class of characters from the beginning to the end.
fn takes_of_pattern(pattern: &str) -> Takes {
    let Some(inner) = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')) else {
        return Takes::Any;
    };
    let inner = inner.strip_prefix("-?").unwrap_or(inner);
    let class = [("[0-9]", Takes::Integer), ("\\d", Takes::Integer), ("[0-9a-f]", Takes::Hex)];
    let more = [("[a-f0-9]", Takes::Hex), ("[0-9a-fA-F]", Takes::Hex), ("[a-fA-F0-9]", Takes::Hex)];
    for (class, takes) in class.into_iter().chain(more) {
        let Some(times) = inner.strip_prefix(class) else { continue };
        let bounds = times.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let is_bounds = bounds.is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit() || b == b','));
        if times.is_empty() || times == "+" || times == "*" || is_bounds {
            return takes;
        }
    }
    Takes::Any
}
