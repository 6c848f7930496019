//! `apicensus spec`: which specifications are kept and what they hold, as rows for people and programs.

use schemars::JsonSchema;
use serde::Serialize;

use super::document::SCHEMA_VERSION;
use super::format;
use super::table::{Columns, Page, Style, plain};
use crate::flow::Timestamp;
use crate::inventory::spec::Spec;

/// Document of `spec list`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Specs {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// By name and version.
    pub specs: Vec<SpecRow>,
}

/// A version of a specification.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SpecRow {
    /// By which people name it here.
    pub name: String,
    /// Its own version; may be empty.
    pub version: String,
    /// Its own title.
    pub title: String,
    /// `OpenAPI 3.1`, `OpenAPI 3.0`, `Swagger 2.0`, `gRPC` or `GraphQL`.
    pub format: String,
    /// Services that people said it is for; empty: those of its servers.
    pub services: Vec<String>,
    /// How many operations it has.
    pub operations: u64,
    /// When it came, RFC 3339.
    pub added: String,
    /// It is in force; if not, it was stored by another version of apicensus and has to be added again.
    pub is_usable: bool,
}

/// Document of `spec show`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SpecPages {
    /// Version of this form: 1.
    pub schema_version: u32,
    /// By version.
    pub versions: Vec<SpecPage>,
}

/// One version in full.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SpecPage {
    /// The same as in the list.
    #[serde(flatten)]
    pub row: SpecRow,
    /// Where its routes are.
    pub places: Vec<PlaceRow>,
    /// How many schemas it has.
    pub schemas: u64,
    /// In the order of the specification.
    pub routes: Vec<OperationRow>,
}

/// Where routes of a specification are.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PlaceRow {
    /// Names of services; `*` stands for any text.
    pub services: Vec<String>,
    /// What stands before every path.
    pub path: String,
}

/// A method on a path.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct OperationRow {
    /// In upper case.
    pub method: String,
    /// Without base path.
    pub path: String,
    /// It is not to be used any more.
    pub deprecated: bool,
    /// Alternatives, schemes of one joined by ` + `; `none` lets everybody in. Empty: nothing is declared.
    pub security: Vec<String>,
    /// Statuses that it names.
    pub statuses: Vec<String>,
}

impl Specs {
    /// All of them.
    pub fn of(specs: Vec<SpecRow>) -> Specs {
        Specs { schema_version: SCHEMA_VERSION, specs }
    }
}

impl SpecRow {
    /// Of name, version, title and format, and the rest.
    pub fn new(
        [name, version, title, format]: [String; 4],
        services: Vec<String>,
        operations: u64,
        added: Timestamp,
        is_usable: bool,
    ) -> SpecRow {
        let added = format::time(added);
        SpecRow { name, version, title, format, services, operations, added, is_usable }
    }
}

impl SpecPages {
    /// Of what is kept and what of it could be read.
    pub fn of(rows: Vec<SpecRow>, specs: &[Spec]) -> SpecPages {
        let versions = rows.into_iter().map(|row| {
            let spec = specs.iter().find(|spec| spec.name == row.name && spec.version == row.version);
            let places = spec
                .into_iter()
                .flat_map(Spec::places)
                .map(|(services, base)| PlaceRow { services: services.to_vec(), path: base.path.clone() });
            let places = places.collect();
            let schemas = spec.map_or(0, |spec| spec.schemas.len() as u64);
            SpecPage { places, schemas, routes: spec.map(routes).unwrap_or_default(), row }
        });
        SpecPages { schema_version: SCHEMA_VERSION, versions: versions.collect() }
    }
}

fn routes(spec: &Spec) -> Vec<OperationRow> {
    let routes = spec.operations.iter().map(|operation| OperationRow {
        method: operation.method.clone(),
        path: operation.path.clone(),
        deprecated: operation.deprecated,
        security: (operation.security.iter())
            .map(|schemes| match &schemes[..] {
                [] => "none".to_owned(),
                schemes => schemes.iter().map(|scheme| scheme.text()).collect::<Vec<_>>().join(" + "),
            })
            .collect(),
        statuses: operation.responses.iter().map(|response| response.statuses.text()).collect(),
    });
    routes.collect()
}

const COLUMNS: Columns = Columns {
    names: &["NAME", "VERSION", "FORMAT", "OPERATIONS", "SERVICES", "ADDED", "TITLE"],
    right: &["OPERATIONS"],
    expendable: &["TITLE", "ADDED"],
};

const ROUTES: Columns = Columns {
    names: &["METHOD", "PATH", "SECURITY", "STATUSES", "NOTE"],
    right: &[],
    expendable: &["STATUSES"],
};

/// The list as a table.
pub fn list(specs: &Specs, style: Style) -> String {
    if specs.specs.is_empty() {
        return "there are no specifications; `apicensus spec add` adds some\n".to_owned();
    }
    let mut page = Page::new(style);
    page.table(&COLUMNS, specs.specs.iter().map(cells).collect());
    page.end()
}

/// Every version with its operations.
pub fn pages(pages: &SpecPages, style: Style) -> String {
    let mut text = String::new();
    for version in &pages.versions {
        let mut page = Page::new(style);
        page.table(&COLUMNS, vec![cells(&version.row)]);
        text.push_str(&page.end());
        text.push('\n');
        for PlaceRow { services, path } in &version.places {
            text.push_str(&super::escape::for_terminal(&format!("at {}{path}", services.join(", "))));
            text.push('\n');
        }
        let count = version.schemas;
        text.push_str(&format!("{count} schema{}\n\n", if count == 1 { "" } else { "s" }));
        let mut page = Page::new(style);
        let rows = version.routes.iter().map(|route| {
            let note = if route.deprecated { "deprecated" } else { "" };
            let (security, statuses) = (route.security.join(" or "), route.statuses.join(" "));
            [&*route.method, &*route.path, &*security, &*statuses, note].map(plain).into()
        });
        page.table(&ROUTES, rows.collect());
        text.push_str(&page.end());
    }
    text
}

fn cells(row: &SpecRow) -> Vec<super::table::Cell> {
    let services = row.services.join(", ");
    let operations = if row.is_usable { row.operations.to_string() } else { "to be added again".to_owned() };
    [&*row.name, &*row.version, &*row.format, &*operations, &*services, &*row.added, &*row.title]
        .map(plain)
        .into()
}
