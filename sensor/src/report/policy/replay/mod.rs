//! Manifests of Kubernetes, Cilium and Istio back into the question what they would deny: `read` makes one
//! small form of all three, [`Manifests::denied_by`] asks it about an edge. Whatever stands in a manifest
//! and is not understood is a fault that names document and member, so that nothing is allowed by
//! being overlooked. Only who may come in is judged.

mod cilium;
mod istio;
mod matching;
mod member;
mod network;
mod sample;
mod selector;

pub(super) use sample::{Sample, samples};

use std::collections::BTreeMap;

use super::{From, Identity};
use crate::inventory::yaml::{self, Fault, Node};
use crate::limits::MANIFESTS_MAX;
use matching::Match;
use member::Member;
use selector::{Peer, Selector};

/// Levels of a manifest: members of a match in a rule of a policy are the deepest.
const LEVELS: usize = 20;

/// What a manifest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// networking.k8s.io.
    NetworkPolicy,
    /// cilium.io.
    CiliumNetworkPolicy,
    /// security.istio.io.
    AuthorizationPolicy,
}

impl Kind {
    /// As manifests have it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::NetworkPolicy => "NetworkPolicy",
            Kind::CiliumNetworkPolicy => "CiliumNetworkPolicy",
            Kind::AuthorizationPolicy => "AuthorizationPolicy",
        }
    }

    /// What enforces it: the policies of one are a union, and a call must pass both.
    const fn enforcer(self) -> Enforcer {
        match self {
            Kind::NetworkPolicy | Kind::CiliumNetworkPolicy => Enforcer::Network,
            Kind::AuthorizationPolicy => Enforcer::Mesh,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Enforcer {
    Network,
    Mesh,
}

/// Policies as they were read.
#[derive(Clone, Debug, Default)]
pub struct Manifests(Vec<Manifest>);

/// What one manifest allows to come in to which pods.
#[derive(Clone, Debug)]
struct Manifest {
    kind: Kind,
    namespace: String,
    pods: Selector,
    rules: Vec<Rule>,
}

/// Both sides must fit; `None` for any.
#[derive(Clone, Debug, Default)]
struct Rule {
    from: Option<Vec<Peer>>,
    to: Option<Vec<To>>,
}

/// All that is said must fit, and of each list one.
#[derive(Clone, Debug, Default)]
struct To {
    /// From and to, both in it.
    ports: Option<Vec<(u16, u16)>>,
    hosts: Option<Vec<Match>>,
    methods: Option<Vec<Match>>,
    paths: Option<Vec<Match>>,
}

/// An edge in the words of a cluster.
pub(super) struct Asked<'a> {
    pub(super) from: From<'a>,
    pub(super) to: &'a Identity,
    pub(super) port: u16,
    pub(super) host: &'a str,
    pub(super) method: &'a str,
    /// Paths that calls of it may have.
    pub(super) samples: &'a [Sample],
}

/// What manifests say of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// By policies of such a kind, first of all.
    Denied(Kind),
    /// None of them is about the service: it is open to all.
    Open,
}

/// The text is of manifests, and not of our own form.
pub fn is_manifest(text: &str) -> bool {
    let first = yaml::read(text, 2).ok().flatten();
    first.is_some_and(|node| node.member("kind").is_some() || node.member("apiVersion").is_some())
}

impl Manifests {
    /// Adds the documents of a file.
    ///
    /// # Errors
    /// Document, member and line, and what is wrong.
    pub fn read(&mut self, text: &str) -> Result<(), Fault> {
        let nodes = yaml::read_all(text, LEVELS, MANIFESTS_MAX + 1)?;
        if self.0.len() + nodes.len() > MANIFESTS_MAX {
            return Err(Fault::at(0, format!("there are more than {MANIFESTS_MAX} manifests")));
        }
        for (number, node) in nodes.iter().enumerate() {
            if !member::is_nothing(node) {
                manifest(number + 1, node, &mut self.0)?;
            }
        }
        Ok(())
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which kinds there are.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.0.iter().map(|manifest| manifest.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// By namespace, for many questions.
    pub(super) fn index(&self) -> Index<'_> {
        let mut index = Index::default();
        for manifest in &self.0 {
            index.0.entry(&manifest.namespace).or_default().push(manifest);
        }
        index
    }
}

/// Manifests by the namespace of the pods that they are about.
#[derive(Default)]
pub(super) struct Index<'a>(BTreeMap<&'a str, Vec<&'a Manifest>>);

impl Index<'_> {
    /// What they say of an edge.
    pub(super) fn judge(&self, asked: &Asked<'_>) -> Verdict {
        let of_namespace = self.0.get(asked.to.namespace.as_str()).into_iter().flatten();
        let about: Vec<&Manifest> =
            of_namespace.filter(|manifest| manifest.pods.fits(&asked.to.labels)).copied().collect();
        for enforcer in [Enforcer::Network, Enforcer::Mesh] {
            let of: Vec<&Manifest> =
                about.iter().filter(|manifest| manifest.kind.enforcer() == enforcer).copied().collect();
            let Some(first) = of.first() else { continue };
            let passes = |sample| of.iter().any(|manifest| manifest.allows(asked, sample));
            if !asked.samples.iter().all(passes) {
                return Verdict::Denied(first.kind);
            }
        }
        if about.is_empty() { Verdict::Open } else { Verdict::Allowed }
    }
}

impl Manifest {
    fn allows(&self, asked: &Asked<'_>, sample: &Sample) -> bool {
        self.rules.iter().any(|rule| {
            let from = rule.from.as_ref().is_none_or(|from| from.iter().any(|peer| peer.is(&asked.from)));
            from && rule.to.as_ref().is_none_or(|to| to.iter().any(|to| to.fits(asked, sample)))
        })
    }
}

impl To {
    fn fits(&self, asked: &Asked<'_>, sample: &Sample) -> bool {
        let any = |of: &Option<Vec<Match>>, text: &str| {
            of.as_ref().is_none_or(|of| of.iter().any(|one| one.fits(text, sample.query)))
        };
        let port = self
            .ports
            .as_ref()
            .is_none_or(|ports| ports.iter().any(|(first, last)| (*first..=*last).contains(&asked.port)));
        port && any(&self.hosts, asked.host)
            && any(&self.methods, asked.method)
            && any(&self.paths, &sample.path)
    }
}

/// One document; a CiliumNetworkPolicy may hold several policies.
fn manifest(number: usize, node: &Node, into: &mut Vec<Manifest>) -> Result<(), Fault> {
    let name = node.member("metadata").and_then(|metadata| metadata.member("name")).and_then(Node::text);
    let kind = node.member("kind").and_then(Node::text).unwrap_or_default();
    let title = match (kind, name) {
        ("", _) => format!("document {number}"),
        (kind, None) => format!("document {number} ({kind})"),
        (kind, Some(name)) => format!("document {number} ({kind} {name})"),
    };
    let whole = Member::of_document(&title, node);
    let version = node.member("apiVersion").and_then(Node::text).unwrap_or_default();
    let kind = match (version, kind) {
        ("networking.k8s.io/v1", "NetworkPolicy") => Kind::NetworkPolicy,
        ("cilium.io/v2", "CiliumNetworkPolicy") => Kind::CiliumNetworkPolicy,
        ("security.istio.io/v1" | "security.istio.io/v1beta1", "AuthorizationPolicy") => {
            Kind::AuthorizationPolicy
        }
        _ => {
            return Err(whole.wrong(format!(
                "there is kind `{kind}` of apiVersion `{version}`; read are NetworkPolicy of \
                 networking.k8s.io/v1, CiliumNetworkPolicy of cilium.io/v2 and AuthorizationPolicy of \
                 security.istio.io/v1"
            )));
        }
    };
    let mut specs = Vec::new();
    let mut namespace = String::new();
    for member in whole.members()? {
        match (member.key(), kind) {
            // What a cluster says of them decides nothing.
            ("apiVersion" | "kind" | "status", _) => {}
            ("metadata", _) => {
                for member in member.members()? {
                    if member.key() == "namespace" {
                        namespace = member.text()?.to_owned();
                    }
                }
            }
            ("spec", _) => specs.push(member),
            ("specs", Kind::CiliumNetworkPolicy) => specs.extend(member.items()?),
            _ => return Err(member.unsupported()),
        }
    }
    if namespace.is_empty() {
        return Err(whole.wrong("there is no `metadata.namespace`, so nobody knows whose pods are meant"));
    }
    if specs.is_empty() {
        return Err(whole.wrong("there is no `spec`"));
    }
    for spec in specs {
        let (pods, rules) = match kind {
            Kind::NetworkPolicy => network::read(&spec, &namespace)?,
            Kind::CiliumNetworkPolicy => cilium::read(&spec, &namespace)?,
            Kind::AuthorizationPolicy => istio::read(&spec)?,
        };
        into.push(Manifest { kind, namespace: namespace.clone(), pods, rules });
    }
    Ok(())
}
