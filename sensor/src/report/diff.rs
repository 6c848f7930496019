//! `apicensus diff`: what came, went and changed, as rows for people and programs.

use schemars::JsonSchema;
use serde::Serialize;

use super::document::SCHEMA_VERSION;
use super::fill::party;
use super::format;
use super::markdown::code;
use super::sums::{place, short_time};
use super::table::{Columns, Page, Style, plain};
use crate::inventory::diff::{Change, Changed, Part};

/// The document.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Diff {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// By service, endpoint and part.
    pub changes: Vec<DiffRow>,
}

/// One change.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct DiffRow {
    /// `new`, `gone` or `changed`.
    pub change: String,
    /// `service`, `endpoint`, `caller`, `auth`, `field` or `class`.
    pub what: String,
    /// Authority of the service.
    pub service: String,
    /// Request method; null where a whole service changed.
    pub method: Option<String>,
    /// Path template; null as above.
    pub path: Option<String>,
    /// Place of the field; null where it is about none.
    pub place: Option<String>,
    /// Field, or caller; null for services, endpoints and kinds of credential.
    pub name: Option<String>,
    /// Where the caller runs, the kind of credential, or the class of data.
    pub detail: Option<String>,
    /// Types and formats before, of a field that changed.
    pub was: Option<String>,
    /// Types and formats now.
    pub is: Option<String>,
    /// RFC 3339.
    pub first_seen: String,
    /// RFC 3339.
    pub last_seen: String,
}

const COLUMNS: Columns = Columns {
    names: &["CHANGE", "WHAT", "SERVICE", "METHOD", "PATH", "NAME", "DETAIL", "FIRST SEEN", "LAST SEEN"],
    right: &[],
    expendable: &["LAST SEEN", "FIRST SEEN"],
};

impl Diff {
    /// All changes, in their order.
    pub fn of(changes: &[Changed]) -> Diff {
        Diff { schema_version: SCHEMA_VERSION, changes: changes.iter().map(row).collect() }
    }
}

fn row(changed: &Changed) -> DiffRow {
    let change = match changed.change {
        Change::New => "new",
        Change::Gone => "gone",
        Change::Changed => "changed",
    };
    let field = |key: &crate::inventory::FieldKey| (key.place.name().to_owned(), key.name.to_string());
    let (what, at, name, detail) = match &changed.part {
        Part::Service => ("service", None, None, None),
        Part::Endpoint => ("endpoint", None, None, None),
        Part::Caller(peer) => {
            let party = party(peer);
            let detail = party.program.is_some().then(|| place(&party));
            ("caller", None, Some(party.name), detail)
        }
        Part::Auth(credential) => ("auth", None, None, Some(credential.name().to_owned())),
        Part::Field(key) => {
            let (place, name) = field(key);
            ("field", Some(place), Some(name), None)
        }
        Part::Class(key) => {
            let (place, name) = field(&key.field);
            ("class", Some(place), Some(name), Some(key.class.name().to_owned()))
        }
    };
    let (method, path) = changed.endpoint.clone().map(|(m, p)| (m.name().to_owned(), p)).unzip();
    let said = |text: &str| (changed.change == Change::Changed).then(|| text.to_owned());
    DiffRow {
        change: change.to_owned(),
        what: what.to_owned(),
        service: changed.service.to_string(),
        method,
        path,
        place: at,
        name,
        detail,
        was: said(&changed.was),
        is: said(&changed.is),
        first_seen: format::time(changed.seen.first),
        last_seen: format::time(changed.seen.last),
    }
}

/// As a table.
pub fn text(diff: &Diff, style: Style) -> String {
    if diff.changes.is_empty() {
        return "nothing changed\n".to_owned();
    }
    let mut page = Page::new(style);
    let rows = diff.changes.iter().map(|row| cells(row).iter().map(|text| plain(text)).collect()).collect();
    page.table(&COLUMNS, rows);
    page.end()
}

/// As GitHub-flavoured Markdown.
pub fn markdown(diff: &Diff) -> String {
    let mut text = String::from("# What changed\n\n");
    if diff.changes.is_empty() {
        return text + "Nothing.\n";
    }
    text.push_str("| Change | What | Service | Endpoint | Name | Detail |\n|---|---|---|---|---|---|\n");
    for row in &diff.changes {
        let [change, what, service, method, path, name, detail, ..] = cells(row);
        let endpoint = if path.is_empty() { String::new() } else { code(&format!("{method} {path}")) };
        let shown = |text: &str| if text.is_empty() { String::new() } else { code(text) };
        let (service, name, detail) = (code(&service), shown(&name), shown(&detail));
        text.push_str(&format!("| {change} | {what} | {service} | {endpoint} | {name} | {detail} |\n"));
    }
    text
}

fn cells(row: &DiffRow) -> [String; 9] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let name = match (&row.place, &row.name) {
        (Some(place), Some(name)) => format!("{place} {}", super::sums::field_name(place, name)),
        (_, name) => text(name),
    };
    let detail = match (&row.was, &row.is) {
        (Some(was), Some(is)) => format!("{was} -> {is}"),
        _ => text(&row.detail),
    };
    [
        row.change.clone(),
        row.what.clone(),
        row.service.clone(),
        text(&row.method),
        text(&row.path),
        name,
        detail,
        short_time(&row.first_seen),
        short_time(&row.last_seen),
    ]
}
