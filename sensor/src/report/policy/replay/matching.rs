//! How policies write names and paths: as texts with a star at one end, templates and regular expressions.

use regex::bytes::{Regex, RegexBuilder};

use super::member::Member;
use crate::inventory::yaml::Fault;
use crate::limits::POLICY_REGEX_BYTES_MAX;
use crate::report::policy::regex::literal;

/// One form of a text.
#[derive(Clone, Debug)]
pub(super) enum Match {
    /// This text.
    Exact(String),
    /// This text, whatever its case.
    AnyCase(Box<Match>),
    /// It begins so.
    Prefix(String),
    /// It ends so.
    Suffix(String),
    /// It is not empty.
    Present,
    /// All of it is of this form.
    Regex(Regex),
    /// The same, of a path with its query.
    RegexWithQuery(Regex),
}

impl Match {
    /// It is of this form; `has_query` says that calls may have a query behind such a path.
    pub(super) fn fits(&self, text: &str, has_query: bool) -> bool {
        match self {
            Match::Exact(known) => known == text,
            Match::AnyCase(inner) => inner.fits(&text.to_ascii_lowercase(), has_query),
            Match::Prefix(start) => text.starts_with(start.as_str()),
            Match::Suffix(end) => text.ends_with(end.as_str()),
            Match::Present => !text.is_empty(),
            Match::Regex(regex) => regex.is_match(text.as_bytes()),
            Match::RegexWithQuery(regex) => {
                regex.is_match(text.as_bytes())
                    && (!has_query || regex.is_match(format!("{text}?name=value").as_bytes()))
            }
        }
    }

    /// As Istio writes texts: a star at the beginning or at the end, or alone.
    pub(super) fn starred(member: &Member<'_>) -> Result<Match, Fault> {
        let text = member.text()?;
        let found = match (text.strip_prefix('*'), text.strip_suffix('*')) {
            _ if text.is_empty() => return Err(member.wrong("it is empty")),
            _ if text == "*" => Match::Present,
            (Some(end), None) if !end.contains('*') => Match::Suffix(end.to_owned()),
            (None, Some(start)) if !start.contains('*') => Match::Prefix(start.to_owned()),
            (None, None) if !text.contains('*') => Match::Exact(text.to_owned()),
            _ => return Err(member.wrong("a star stands at one end only")),
        };
        Ok(found)
    }

    /// The same, whatever the case.
    pub(super) fn starred_in_any_case(member: &Member<'_>) -> Result<Match, Fault> {
        let lower = match Match::starred(member)? {
            Match::Exact(text) => Match::Exact(text.to_ascii_lowercase()),
            Match::Prefix(text) => Match::Prefix(text.to_ascii_lowercase()),
            Match::Suffix(text) => Match::Suffix(text.to_ascii_lowercase()),
            other => other,
        };
        Ok(Match::AnyCase(Box::new(lower)))
    }

    /// A path of Istio: starred, or with `{*}` for a segment and `{**}` for several.
    pub(super) fn path(member: &Member<'_>) -> Result<Match, Fault> {
        let text = member.text()?;
        if !text.contains(['{', '}']) {
            return Match::starred(member);
        }
        let mut form = String::new();
        for segment in text.split('/').skip(1) {
            form.push('/');
            match segment {
                "{*}" => form.push_str("[^/]+"),
                "{**}" => form.push_str(".*"),
                _ if segment.contains(['{', '}', '*']) => {
                    return Err(member.wrong("`{*}` and `{**}` stand for whole segments"));
                }
                _ => form.push_str(&literal(segment)),
            }
        }
        if !text.starts_with('/') {
            return Err(member.wrong("a path begins with `/`"));
        }
        compiled(member, &form).map(Match::Regex)
    }

    /// A regular expression of all of a text, as Envoy matches.
    pub(super) fn regex(member: &Member<'_>) -> Result<Match, Fault> {
        compiled(member, member.text()?).map(Match::Regex)
    }

    /// The same of a path with its query.
    pub(super) fn regex_with_query(member: &Member<'_>) -> Result<Match, Fault> {
        compiled(member, member.text()?).map(Match::RegexWithQuery)
    }
}

/// As RE2 reads it: classes are of ASCII.
fn compiled(member: &Member<'_>, text: &str) -> Result<Regex, Fault> {
    let built =
        |text: &str| RegexBuilder::new(text).unicode(false).size_limit(POLICY_REGEX_BYTES_MAX).build();
    // By itself first, so that no bracket of it ends the group.
    built(text)
        .and_then(|_| built(&format!("^(?:{text})$")))
        .map_err(|_| member.wrong(format!("`{text}` is no regular expression that can be read here")))
}
