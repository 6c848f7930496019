//! Edges that were observed into policies of other tools, and of our own form. What a form cannot say is
//! left out and listed, never widened; what it cannot tell apart (a NetworkPolicy knows no paths) is
//! said in its comments.

mod check;
mod identity;
mod kubernetes;
mod mesh;
mod opa;
mod own;
mod regex;
mod replay;

pub use check::{Denied, PolicyCheck, check_text};
pub use identity::{Identities, Identity};
pub use replay::{Kind, Manifests, is_manifest};

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::policy::{Allowed, LeftOut, Observed, Why, has_hidden_word};
use crate::report::openapi::Json;
use crate::report::{escape, format};

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `NetworkPolicy`, networking.k8s.io/v1.
    Kubernetes,
    /// `CiliumNetworkPolicy`, cilium.io/v2.
    Cilium,
    /// `AuthorizationPolicy`, security.istio.io/v1; Istio 1.22 and later.
    Istio,
    /// A module of Rego v1 with its data.
    Opa,
    /// Our own, as `--policy` reads it.
    Edges,
}

/// Policies as files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// Name and text of each, in order.
    pub files: Vec<(String, String)>,
    /// How many edges they allow.
    pub allowed: usize,
    /// The other edges, each with the reason.
    pub left_out: Vec<LeftOut>,
}

impl Export {
    /// What to tell of names without an identity; `None` if all have what they need.
    pub fn unmapped_text(&self) -> Option<String> {
        let (callers, services) = self.unmapped();
        if callers.is_empty() && services.is_empty() {
            return None;
        }
        let mut text =
            "some names have no identity there, what they call is left out; say who they are with \
                        --identities:"
                .to_owned();
        for (what, names) in [("caller", callers), ("service", services)] {
            for name in names {
                text.push_str(&format!("\n  {what} {}", escape::for_terminal(name)));
            }
        }
        Some(text)
    }

    /// What to tell of edges that an open finding says to be unknown; `None` if there are none.
    pub fn unacknowledged_text(&self) -> Option<String> {
        let open: Vec<&LeftOut> = self.left_out.iter().filter(|out| out.why == Why::Unacknowledged).collect();
        let services: BTreeSet<&str> = open.iter().map(|out| out.edge.service.as_str()).collect();
        let names: Vec<_> = services.iter().take(10).map(|name| escape::for_terminal(name)).collect();
        let more = if services.len() > names.len() { ", ..." } else { "" };
        (!open.is_empty()).then(|| {
            format!(
                "{} left out for an open finding, of {}{more}: the files list them; say which are known with \
                 `apicensus findings ack`",
                format::count(open.len() as u64, "edge"),
                names.join(", ")
            )
        })
    }

    /// Names that need an identity: callers, and services.
    pub fn unmapped(&self) -> (BTreeSet<&str>, BTreeSet<&str>) {
        let of = |why: Why| self.left_out.iter().filter(move |out| out.why == why);
        (
            of(Why::UnmappedCaller).map(|out| out.edge.caller.as_str()).collect(),
            of(Why::UnmappedService).map(|out| out.edge.service.as_str()).collect(),
        )
    }
}

/// Writes what was observed; identities are asked by the forms of Kubernetes only.
pub fn export(observed: &Observed, form: Form, identities: &Identities) -> Export {
    match form {
        Form::Opa => plain(observed, opa_cannot, opa::files),
        Form::Edges => plain(observed, |_| None, own::files),
        Form::Kubernetes => manifests(observed, form, identities, kubernetes::manifest),
        Form::Cilium => manifests(observed, form, identities, mesh::cilium),
        Form::Istio => manifests(observed, form, identities, mesh::istio),
    }
}

/// Name and text of each.
type Files = Vec<(String, String)>;

/// Edges of each service.
type ByService<'a, E> = BTreeMap<&'a str, Vec<E>>;

/// In our own names.
fn plain(
    observed: &Observed,
    why_not: fn(&Allowed) -> Option<Why>,
    files: fn(&ByService<'_, &Allowed>, &[LeftOut]) -> Files,
) -> Export {
    let mut left_out = observed.left_out.clone();
    let mut kept = ByService::new();
    for edge in &observed.policy.edges {
        match why_not(edge) {
            None => kept.entry(&*edge.service).or_default().push(edge),
            Some(why) => left_out.push(LeftOut { edge: edge.clone(), why }),
        }
    }
    left_out.sort();
    let allowed = kept.values().map(Vec::len).sum();
    Export { files: files(&kept, &left_out), allowed, left_out }
}

fn opa_cannot(edge: &Allowed) -> Option<Why> {
    match edge.method.map(|method| method.name()) {
        Some("OTHER") => Some(Why::UnknownMethod),
        _ => has_hidden_word(&edge.path).then_some(Why::HiddenWord),
    }
}

/// An edge with who its ends are in a cluster.
struct Said<'a> {
    edge: &'a Allowed,
    from: From<'a>,
}

/// A caller as policies select it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum From<'a> {
    /// By what people said.
    Identity(&'a Identity),
    /// One address.
    Address(std::net::IpAddr),
}

impl<'a> From<'a> {
    /// Who a caller is there, pods by their labels or by their principal.
    fn of(caller: &str, by_pod: bool, identities: &'a Identities) -> Option<From<'a>> {
        match identities.caller(caller) {
            Some(known) if by_pod => {
                (!known.namespace.is_empty() && !known.labels.is_empty()).then_some(From::Identity(known))
            }
            Some(known) => known.principal().is_some().then_some(From::Identity(known)),
            None => From::any(caller, identities),
        }
    }

    /// Who a caller is there, whatever a policy selects it by.
    fn any(caller: &str, identities: &'a Identities) -> Option<From<'a>> {
        let address = || caller.parse::<std::net::IpAddr>().ok();
        identities
            .caller(caller)
            .map(From::Identity)
            .or_else(|| Some(From::Address(address()?.to_canonical())))
    }
}

/// Who a service is there: without a namespace and labels its pods cannot be selected.
fn pods_of<'a>(service: &str, identities: &'a Identities) -> Option<&'a Identity> {
    identities.service(service).filter(|known| !known.namespace.is_empty() && !known.labels.is_empty())
}

fn said<'a>(edge: &'a Allowed, form: Form, identities: &'a Identities) -> Result<Said<'a>, Why> {
    pods_of(&edge.service, identities).ok_or(Why::UnmappedService)?;
    let by_pod = matches!(form, Form::Kubernetes | Form::Cilium);
    let from = From::of(&edge.caller, by_pod, identities).ok_or(Why::UnmappedCaller)?;
    if form != Form::Kubernetes {
        if edge.method.is_none_or(|method| method.name() == "OTHER") {
            return Err(Why::UnknownMethod);
        }
        if has_hidden_word(&edge.path) {
            return Err(Why::HiddenWord);
        }
    }
    if form == Form::Istio && mesh::istio_path(&edge.path).is_none() {
        return Err(Why::Unsayable);
    }
    Ok(Said { edge, from })
}

/// One file for each service, its comments before it. A service of which nothing may be allowed has one
/// too, that allows nothing: without any its pods would be open to all.
fn manifests(
    observed: &Observed,
    form: Form,
    identities: &Identities,
    manifest: fn(&str, &str, &Identity, &[Said<'_>]) -> Json,
) -> Export {
    let mut export = Export { left_out: observed.left_out.clone(), ..Export::default() };
    let mut kept: ByService<'_, Said<'_>> = BTreeMap::new();
    for edge in &observed.policy.edges {
        match said(edge, form, identities) {
            Ok(said) => kept.entry(&edge.service).or_default().push(said),
            Err(why) => export.left_out.push(LeftOut { edge: edge.clone(), why }),
        }
    }
    export.left_out.sort();
    for LeftOut { edge, .. } in &export.left_out {
        if pods_of(&edge.service, identities).is_some() {
            kept.entry(&edge.service).or_default();
        }
    }
    export.allowed = kept.values().map(Vec::len).sum();
    let mut taken = BTreeSet::new();
    let files = kept.iter().filter_map(|(service, edges)| {
        let identity = pods_of(service, identities)?;
        let name = file_name(service, &mut taken);
        let mut text = comments(edges, export.left_out.iter().filter(|out| out.edge.service == *service));
        text.push_str(&crate::report::openapi::yaml(&manifest(&name, service, identity, edges)));
        Some((format!("{name}.yaml"), text))
    });
    let files = files.collect();
    Export { files, ..export }
}

/// What is allowed and what is left out, a line each.
fn comments<'a>(edges: &[Said<'_>], left_out: impl Iterator<Item = &'a LeftOut>) -> String {
    let mut text =
        "# Learnt by apicensus from traffic: exactly the calls that were seen and answered with 2xx.\n"
            .to_owned();
    if edges.is_empty() {
        text.push_str("# Nothing is allowed.\n");
    }
    for Said { edge, .. } in edges {
        text.push_str(&format!("# allowed: {}\n", line(edge)));
    }
    let left_out: Vec<String> = left_out
        .map(|LeftOut { edge, why }| format!("# not allowed, {}: {}\n", why.text(), line(edge)))
        .collect();
    if !left_out.is_empty() {
        text.push_str(&format!("# seen and not allowed: {}\n", format::count(left_out.len() as u64, "edge")));
    }
    text.push_str(&left_out.concat());
    text
}

/// An edge on one line, whatever its names hold.
fn line(edge: &Allowed) -> String {
    let method = edge.method.map_or("*", |method| method.name());
    let line = format!("{} {method} {} {}", edge.caller, edge.service, edge.path.text());
    escape::for_terminal(&line).into_owned()
}

/// A name as RFC 1123 has labels, each once.
fn file_name(service: &str, taken: &mut BTreeSet<String>) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let plain: String = service.chars().map(safe).take(40).collect();
    let base = format!("apicensus-{}", plain.trim_matches('-'));
    let base = base.trim_end_matches('-').to_owned();
    let mut name = base.clone();
    let mut number = 1;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{base}-{number}");
    }
    name
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Json {
    Json::List(texts.into_iter().map(Json::from).collect())
}

fn labels(labels: &BTreeMap<String, String>) -> Json {
    let members = labels.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str())));
    object([("matchLabels", Json::Object(members.collect()))])
}
