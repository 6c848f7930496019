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

pub use check::{Denied, PolicyCheck, check_text};
pub use identity::{Identities, Identity};

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::policy::{Allowed, LeftOut, Observed, Why, has_hidden_word};
use crate::report::escape;
use crate::report::openapi::Json;

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
    let mut export = Export { left_out: observed.left_out.clone(), ..Export::default() };
    let mut kept: BTreeMap<&str, Vec<Said<'_>>> = BTreeMap::new();
    for edge in &observed.policy.edges {
        match said(edge, form, identities) {
            Ok(said) => kept.entry(&edge.service).or_default().push(said),
            Err(why) => export.left_out.push(LeftOut { edge: edge.clone(), why }),
        }
    }
    export.left_out.sort();
    export.allowed = kept.values().map(Vec::len).sum();
    export.files = match form {
        Form::Opa => opa::files(&kept, &export.left_out),
        Form::Edges => vec![("policy.yaml".to_owned(), own::text(&kept, &export.left_out))],
        Form::Kubernetes => manifests(&kept, &export.left_out, kubernetes::manifest),
        Form::Cilium => manifests(&kept, &export.left_out, mesh::cilium),
        Form::Istio => manifests(&kept, &export.left_out, mesh::istio),
    };
    export
}

/// An edge with who its ends are.
struct Said<'a> {
    edge: &'a Allowed,
    /// Who its caller is there.
    from: From<'a>,
    /// Who its service is there; none in forms that ask for no identity.
    to: Option<&'a Identity>,
}

/// A caller as policies select it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum From<'a> {
    /// By what people said.
    Identity(&'a Identity),
    /// One address.
    Address(std::net::IpAddr),
    /// By our name.
    Name(&'a str),
}

fn said<'a>(edge: &'a Allowed, form: Form, identities: &'a Identities) -> Result<Said<'a>, Why> {
    if matches!(form, Form::Edges) {
        return Ok(Said { edge, from: From::Name(&edge.caller), to: None });
    }
    let hidden = has_hidden_word(&edge.path);
    if form == Form::Opa {
        return match (edge.method.map(|method| method.name()), hidden) {
            (Some("OTHER"), _) => Err(Why::UnknownMethod),
            (_, true) => Err(Why::HiddenWord),
            _ => Ok(Said { edge, from: From::Name(&edge.caller), to: None }),
        };
    }
    let to = identities.service(&edge.service).ok_or(Why::UnmappedService)?;
    let by_pod = matches!(form, Form::Kubernetes | Form::Cilium);
    if to.namespace.is_empty() || to.labels.is_empty() {
        return Err(Why::UnmappedService);
    }
    let from = match identities.caller(&edge.caller) {
        Some(known) if by_pod && !known.namespace.is_empty() && !known.labels.is_empty() => {
            From::Identity(known)
        }
        Some(known) if !by_pod && known.principal().is_some() => From::Identity(known),
        Some(_) => return Err(Why::UnmappedCaller),
        None => match edge.caller.parse::<std::net::IpAddr>() {
            Ok(address) => From::Address(address.to_canonical()),
            Err(_) => return Err(Why::UnmappedCaller),
        },
    };
    if form != Form::Kubernetes {
        if edge.method.is_none_or(|method| method.name() == "OTHER") {
            return Err(Why::UnknownMethod);
        }
        if hidden {
            return Err(Why::HiddenWord);
        }
    }
    if form == Form::Istio && mesh::istio_path(&edge.path).is_none() {
        return Err(Why::Unsayable);
    }
    Ok(Said { edge, from, to: Some(to) })
}

/// One file for each service, its comments before it.
fn manifests(
    kept: &BTreeMap<&str, Vec<Said<'_>>>,
    left_out: &[LeftOut],
    manifest: fn(&str, &str, &Identity, &[Said<'_>]) -> Json,
) -> Vec<(String, String)> {
    let mut taken = BTreeSet::new();
    let files = kept.iter().filter_map(|(service, edges)| {
        let identity = edges.first()?.to?;
        let name = file_name(service, &mut taken);
        let mut text = comments(edges, left_out.iter().filter(|out| out.edge.service == *service));
        text.push_str(&crate::report::openapi::yaml(&manifest(&name, service, identity, edges)));
        Some((format!("{name}.yaml"), text))
    });
    files.collect()
}

/// What is allowed and what is left out, a line each.
fn comments<'a>(edges: &[Said<'_>], left_out: impl Iterator<Item = &'a LeftOut>) -> String {
    let mut text =
        "# Learnt by apicensus from traffic: exactly the calls that were seen and answered with 2xx.\n"
            .to_owned();
    for Said { edge, .. } in edges {
        text.push_str(&format!("# allowed: {}\n", line(edge)));
    }
    for LeftOut { edge, why } in left_out {
        text.push_str(&format!("# not allowed, {}: {}\n", why.text(), line(edge)));
    }
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
