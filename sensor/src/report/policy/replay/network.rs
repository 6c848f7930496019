//! `NetworkPolicy` of networking.k8s.io/v1: who may reach which port.

use super::member::Member;
use super::selector::{NAMESPACE, Peer, Selector};
use super::{Rule, To};
use crate::inventory::yaml::Fault;

pub(super) fn read(spec: &Member<'_>, own: &str) -> Result<(Selector, Vec<Rule>), Fault> {
    let (mut pods, mut rules) = (None, Vec::new());
    for member in spec.members()? {
        match member.key() {
            "podSelector" => pods = Some(Selector::read(&member)?),
            "policyTypes" => {
                for item in member.items()? {
                    if item.text()? != "Ingress" {
                        return Err(item.wrong("only policies of what may come in, `Ingress`, are judged"));
                    }
                }
            }
            "ingress" => {
                for item in member.items()? {
                    rules.push(rule(&item, own)?);
                }
            }
            _ => return Err(member.unsupported()),
        }
    }
    Ok((pods.ok_or_else(|| spec.wrong("there is no `podSelector`"))?, rules))
}

fn rule(item: &Member<'_>, own: &str) -> Result<Rule, Fault> {
    let mut rule = Rule::default();
    for member in item.members()? {
        match member.key() {
            // An empty list is as none: everybody, and every port.
            "from" => {
                let peers: Vec<Peer> =
                    member.items()?.iter().map(|item| peer(item, own)).collect::<Result<_, _>>()?;
                rule.from = (!peers.is_empty()).then_some(peers);
            }
            "ports" => {
                let items = member.items()?;
                if !items.is_empty() {
                    let ports = items.iter().map(port).collect::<Result<Vec<_>, _>>()?;
                    let ports = ports.into_iter().flatten().collect();
                    rule.to = Some(vec![To { ports: Some(ports), ..To::default() }]);
                }
            }
            _ => return Err(member.unsupported()),
        }
    }
    Ok(rule)
}

fn peer(item: &Member<'_>, own: &str) -> Result<Peer, Fault> {
    let (mut namespaces, mut pods, mut block) = (None, None, None);
    for member in item.members()? {
        match member.key() {
            "namespaceSelector" => namespaces = Some(of_namespaces(&member)?),
            "podSelector" => pods = Some(Selector::read(&member)?),
            "ipBlock" => block = Some(Peer::block(&member)?),
            _ => return Err(member.unsupported()),
        }
    }
    match (block, namespaces, pods) {
        (Some(block), None, None) => Ok(block),
        (None, None, None) | (Some(_), ..) => {
            Err(item.wrong("there must be selectors, or an `ipBlock` alone"))
        }
        (None, namespaces, pods) => Ok(Peer::Pods {
            namespaces: namespaces.unwrap_or_else(|| Selector::of(NAMESPACE, own)),
            pods: pods.unwrap_or_default(),
        }),
    }
}

/// Of namespaces only their names are known.
fn of_namespaces(member: &Member<'_>) -> Result<Selector, Fault> {
    let selector = Selector::read(member)?;
    match selector.other_than(NAMESPACE) {
        None => Ok(selector),
        Some(other) => Err(member.wrong(format!(
            "the label `{other}` of namespaces is not known here; `{NAMESPACE}` is their name"
        ))),
    }
}

/// First and last; `None` for another protocol, which carries no calls.
fn port(item: &Member<'_>) -> Result<Option<(u16, u16)>, Fault> {
    let (mut first, mut last, mut is_tcp) = (None, None, true);
    for member in item.members()? {
        match member.key() {
            "protocol" => is_tcp = member.text()? == "TCP",
            "port" => first = Some(member.parsed("number of a port; ports by name are not supported here")?),
            "endPort" => last = Some(member.parsed("number of a port")?),
            _ => return Err(member.unsupported()),
        }
    }
    let ports = match (first, last) {
        (Some(first), last) => (first, last.unwrap_or(first)),
        (None, None) => (0, u16::MAX),
        (None, Some(_)) => return Err(item.wrong("there is an `endPort` without a `port`")),
    };
    Ok(is_tcp.then_some(ports))
}
