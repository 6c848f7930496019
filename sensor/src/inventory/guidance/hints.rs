//! The hints file: YAML or JSON text into [`Hint`]s. Whatever is not understood is a fault with its
//! line; nothing is guessed.
//!
//! ```yaml
//! - split: /projects/active      # a word of the route, no value
//! - service: shop:8080
//!   collapse: /link/*            # all segments there are values of one parameter
//! - name: /users/{}
//!   as: login
//! - never: /internal/debug       # no endpoint: counted as noise
//! ```

use super::{Hint, Pattern, PatternSegment, Rule};
use crate::inventory::yaml::{self, Fault, Node, Value};
use crate::limits::{HINTS_MAX, PATH_SEGMENTS_MAX};

/// Longest name of a parameter, in characters.
const NAME_MAX: usize = 64;

const FORM: &str =
    "a rule has one of `split`, `collapse`, `never`, or `name` with `as`, and may have `service`";

/// Reads the text of a hints file; an empty one has none.
///
/// # Errors
/// It is no list of rules, or a rule is wrong.
pub fn read(text: &str) -> Result<Vec<Hint>, Fault> {
    let Some(node) = yaml::read(text, yaml::SHALLOW)? else { return Ok(Vec::new()) };
    let items = match &node.value {
        Value::List(items) => items,
        Value::Scalar(text) if text.is_empty() => return Ok(Vec::new()),
        _ => {
            let what = format!("there is {} and no list of rules; {FORM}", node.kind());
            return Err(Fault::at(node.line, what));
        }
    };
    if items.len() > HINTS_MAX {
        return Err(Fault::at(0, format!("there are {} rules; {HINTS_MAX} are read", items.len())));
    }
    items.iter().map(hint).collect()
}

fn hint(node: &Node) -> Result<Hint, Fault> {
    let Value::Map(members) = &node.value else {
        return Err(Fault::at(node.line, format!("there is {} and no rule; {FORM}", node.kind())));
    };
    let mut service = None;
    let mut rule: Option<(&str, &Node, usize)> = None;
    let mut name = None;
    for (at, (key, line, node)) in members.iter().enumerate() {
        if members.iter().take(at).any(|(other, ..)| other == key) {
            return Err(Fault::at(
                *line,
                format!("`{key}` stands twice in one rule; begin each rule with `-`"),
            ));
        }
        match key.as_str() {
            "service" => service = Some((text(key, *line, node)?, *line)),
            "as" => name = Some((text(key, *line, node)?, *line)),
            "split" | "collapse" | "name" | "never" => {
                if let Some((other, ..)) = rule {
                    let what = format!("`{other}` and `{key}` are two rules; begin each rule with `-`");
                    return Err(Fault::at(*line, what));
                }
                rule = Some((key, node, *line));
            }
            _ => return Err(Fault::at(*line, format!("unknown key `{key}`; {FORM}"))),
        }
    }
    let Some((key, node, line)) = rule else {
        return Err(Fault::at(node.line, format!("there is no rule; {FORM}")));
    };
    let typed = text(key, line, node)?;
    if typed.is_empty() {
        return Err(Fault::at(line, format!("`{key}` needs a path, and there is nothing")));
    }
    let pattern = pattern(typed).map_err(|what| Fault::at(line, what))?;
    let last = pattern.0.last();
    let is_any = last == Some(&PatternSegment::Any);
    if let ("name", None) = (key, name) {
        return Err(Fault::at(line, "`name` needs `as`, the name of the parameter"));
    }
    if let (false, Some((_, line))) = (key == "name", name) {
        return Err(Fault::at(line, format!("`as` belongs to `name`, not to `{key}`")));
    }
    let rule = match (key, name) {
        ("split", _) if last.is_some() && !is_any => Rule::Split(pattern),
        ("split", _) => {
            let what = format!("`split` needs a word at the end, as in `/projects/active`, not `{typed}`");
            return Err(Fault::at(line, what));
        }
        ("never", _) => Rule::Never(pattern),
        _ if !is_any => {
            let right = if typed.ends_with('/') { "*" } else { "/*" };
            let what = format!("`{key}` needs `*` or `{{}}` at the end, as in `{typed}{right}`");
            return Err(Fault::at(line, what));
        }
        ("collapse", _) => Rule::Collapse(pattern),
        (_, name) => {
            let (name, line) = name.unwrap_or_default();
            if !is_name(name) {
                let what = format!(
                    "`{name}` is no name of a parameter; one is of at most {NAME_MAX} letters, digits, `_`, \
                     `-` and `.`"
                );
                return Err(Fault::at(line, what));
            }
            Rule::Name(pattern, name.to_owned())
        }
    };
    let service = match service {
        None => "*".to_owned(),
        Some(("", line)) => return Err(Fault::at(line, "`service` is empty; `*` stands for all")),
        Some((service, _)) => super::service_name(service),
    };
    Ok(Hint { service, rule })
}

fn text<'a>(key: &str, line: usize, node: &'a Node) -> Result<&'a str, Fault> {
    node.text().ok_or_else(|| Fault::at(line, format!("`{key}` needs a text, and there is {}", node.kind())))
}

fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Reads a path of words and `*`, `{}` or `{name}` for any one segment.
fn pattern(typed: &str) -> Result<Pattern, String> {
    let Some(rest) = typed.strip_prefix('/') else {
        return Err(format!("a pattern is a path from the root and begins with `/`, not as `{typed}` does"));
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        return Ok(Pattern::default());
    }
    let segment = |segment: &str| {
        let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match (segment, inner) {
            ("", _) => Err(format!("there is an empty segment in `{typed}`")),
            ("*", _) => Ok(PatternSegment::Any),
            (_, Some(inner)) if !inner.contains(['{', '}']) => Ok(PatternSegment::Any),
            _ if segment.contains(['*', '{', '}', '?', '#', ';']) => Err(format!(
                "`{segment}` is no segment of a pattern; one is a word, or `*` or `{{}}` for any one segment"
            )),
            _ => Ok(PatternSegment::Literal(super::decoded(segment))),
        }
    };
    let segments = rest.split('/').map(segment).collect::<Result<Vec<_>, String>>()?;
    if segments.len() > PATH_SEGMENTS_MAX {
        return Err(format!(
            "there are {} segments in `{typed}`; paths have {PATH_SEGMENTS_MAX}",
            segments.len()
        ));
    }
    Ok(Pattern(segments))
}
