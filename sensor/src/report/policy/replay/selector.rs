//! Who is meant: labels of pods, namespaces, blocks of addresses, principals. A caller is known by what
//! the file of identities says of it, or by its address, never both: a block fits no pod, and a selector
//! no address.

use std::collections::BTreeMap;

use super::From;
use super::matching::Match;
use super::member::Member;
use crate::findings::Network;
use crate::inventory::yaml::Fault;

/// Labels that all must be as said; the default takes all pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector(Vec<Condition>);

#[derive(Clone, Debug)]
struct Condition {
    key: String,
    is: Is,
}

#[derive(Clone, Debug)]
enum Is {
    In(Vec<String>),
    NotIn(Vec<String>),
    There,
    NotThere,
}

impl Selector {
    /// Reads `matchLabels` and `matchExpressions`.
    pub(super) fn read(member: &Member<'_>) -> Result<Selector, Fault> {
        let mut selector = Selector::default();
        for member in member.members()? {
            match member.key() {
                "matchLabels" => {
                    for label in member.all_members()? {
                        let key = label.key().to_owned();
                        selector.0.push(Condition { key, is: Is::In(vec![label.text()?.to_owned()]) });
                    }
                }
                "matchExpressions" => {
                    for item in member.items()? {
                        selector.0.push(condition(&item)?);
                    }
                }
                _ => return Err(member.unsupported()),
            }
        }
        Ok(selector)
    }

    /// One label.
    pub(super) fn of(key: &str, value: &str) -> Selector {
        Selector(vec![Condition { key: key.to_owned(), is: Is::In(vec![value.to_owned()]) }])
    }

    pub(super) fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|Condition { key, is }| match (is, labels.get(key)) {
            (Is::In(values), Some(value)) => values.contains(value),
            (Is::NotIn(values), Some(value)) => !values.contains(value),
            (Is::There, there) => there.is_some(),
            (Is::NotThere, there) => there.is_none(),
            (Is::In(_), None) => false,
            (Is::NotIn(_), None) => true,
        })
    }

    /// Takes the conditions on a key out.
    pub(super) fn take(&mut self, key: &str) -> Option<Selector> {
        let (of, rest) = std::mem::take(&mut self.0).into_iter().partition(|condition| condition.key == key);
        self.0 = rest;
        let of: Vec<Condition> = of;
        (!of.is_empty()).then_some(Selector(of))
    }

    /// Names keys anew.
    pub(super) fn rename(&mut self, name: impl Fn(&str) -> String) {
        self.0.iter_mut().for_each(|condition| condition.key = name(&condition.key));
    }

    /// A key that it asks for, other than this.
    pub(super) fn other_than(&self, key: &str) -> Option<&str> {
        self.0.iter().map(|condition| condition.key.as_str()).find(|other| *other != key)
    }
}

fn condition(item: &Member<'_>) -> Result<Condition, Fault> {
    let (mut key, mut operator, mut values) = ("", "", Vec::new());
    for member in item.members()? {
        match member.key() {
            "key" => key = member.text()?,
            "operator" => operator = member.text()?,
            "values" => values = member.texts()?.into_iter().map(str::to_owned).collect(),
            _ => return Err(member.unsupported()),
        }
    }
    let is = match (operator, values.is_empty()) {
        ("In", false) => Is::In(values),
        ("NotIn", false) => Is::NotIn(values),
        ("Exists", true) => Is::There,
        ("DoesNotExist", true) => Is::NotThere,
        _ => return Err(item.wrong("the operators are In and NotIn with values, Exists and DoesNotExist")),
    };
    Ok(Condition { key: key.to_owned(), is })
}

/// The label that namespaces have of themselves.
pub(super) const NAMESPACE: &str = "kubernetes.io/metadata.name";

/// Who may come.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    /// Everybody.
    All,
    /// Pods with such labels in namespaces with such.
    Pods { namespaces: Selector, pods: Selector },
    /// Addresses of a block, but not of others.
    Block { of: Network, except: Vec<Network> },
    /// As Istio has it: all that is said must fit.
    Source { principals: Option<Vec<Match>>, namespaces: Option<Vec<Match>>, blocks: Option<Vec<Network>> },
}

impl Peer {
    pub(super) fn is(&self, from: &From<'_>) -> bool {
        match (self, from) {
            (Peer::All, _) => true,
            (Peer::Pods { namespaces, pods }, From::Identity(known)) => {
                let own = BTreeMap::from([(NAMESPACE.to_owned(), known.namespace.clone())]);
                !known.namespace.is_empty() && namespaces.fits(&own) && pods.fits(&known.labels)
            }
            (Peer::Block { of, except }, From::Address(address)) => {
                of.has(*address) && !except.iter().any(|except| except.has(*address))
            }
            (Peer::Source { principals, namespaces, blocks }, from) => {
                let (principal, namespace, address) = match from {
                    From::Identity(known) => (known.principal(), Some(known.namespace.clone()), None),
                    From::Address(address) => (None, None, Some(*address)),
                };
                let any = |of: &Option<Vec<Match>>, text: Option<String>| {
                    let text = text.filter(|text| !text.is_empty());
                    of.as_ref()
                        .is_none_or(|of| text.is_some_and(|text| of.iter().any(|one| one.fits(&text, false))))
                };
                any(principals, principal)
                    && any(namespaces, namespace)
                    && blocks.as_ref().is_none_or(|blocks| {
                        address.is_some_and(|address| blocks.iter().any(|block| block.has(address)))
                    })
            }
            (Peer::Pods { .. }, From::Address(_)) | (Peer::Block { .. }, From::Identity(_)) => false,
        }
    }

    /// Reads `cidr` and `except`.
    pub(super) fn block(member: &Member<'_>) -> Result<Peer, Fault> {
        let (mut of, mut except) = (None, Vec::new());
        for member in member.members()? {
            match member.key() {
                "cidr" => of = Some(member.parsed("network")?),
                "except" => {
                    for item in member.items()? {
                        except.push(item.parsed("network")?);
                    }
                }
                _ => return Err(member.unsupported()),
            }
        }
        Ok(Peer::Block { of: of.ok_or_else(|| member.wrong("there is no `cidr`"))?, except })
    }
}
