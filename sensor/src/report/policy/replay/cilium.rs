//! `CiliumNetworkPolicy` of cilium.io/v2: who may reach which port with which calls.

use super::matching::Match;
use super::member::Member;
use super::selector::{NAMESPACE, Peer, Selector};
use super::{Rule, To};
use crate::inventory::yaml::Fault;

/// The label that Cilium gives pods of their namespace, and as it may be written.
const OF_NAMESPACE: [&str; 2] = ["io.kubernetes.pod.namespace", "k8s:io.kubernetes.pod.namespace"];

pub(super) fn read(spec: &Member<'_>, own: &str) -> Result<(Selector, Vec<Rule>), Fault> {
    let (mut pods, mut rules) = (None, None);
    for member in spec.members()? {
        match member.key() {
            "description" => {}
            "endpointSelector" => pods = Some(without_prefix(Selector::read(&member)?)),
            "ingress" => {
                let items = member.items()?;
                // What Cilium makes of an empty list depends on its version.
                if items.is_empty() {
                    return Err(member.wrong("the list is empty; one empty rule, `- {}`, lets nobody in"));
                }
                let read = items.iter().map(|item| rule(item, own)).collect::<Result<Vec<_>, _>>()?;
                rules = Some(read.into_iter().flatten().collect());
            }
            _ => return Err(member.unsupported()),
        }
    }
    Ok((
        pods.ok_or_else(|| spec.wrong("there is no `endpointSelector`"))?,
        rules.ok_or_else(|| spec.wrong("there is no `ingress`, so it says nothing of what may come in"))?,
    ))
}

/// `None` for a rule of nothing, which allows nothing.
fn rule(item: &Member<'_>, own: &str) -> Result<Option<Rule>, Fault> {
    let members = item.members()?;
    if members.is_empty() {
        return Ok(None);
    }
    let mut rule = Rule::default();
    for member in members {
        let items = member.items()?;
        // As with an empty list of rules.
        if items.is_empty() {
            return Err(member.wrong("the list is empty, and versions of Cilium differ in what that means"));
        }
        let peers: Vec<Peer> = match member.key() {
            "fromEndpoints" => items.iter().map(|item| endpoints(item, own)).collect::<Result<_, _>>()?,
            "fromCIDR" => {
                let blocks = items
                    .iter()
                    .map(|item| Ok(Peer::Block { of: item.parsed("network")?, except: Vec::new() }));
                blocks.collect::<Result<_, Fault>>()?
            }
            "fromCIDRSet" => items.iter().map(Peer::block).collect::<Result<_, _>>()?,
            "fromEntities" => {
                let all = items.iter().map(|item| match item.text()? {
                    "all" => Ok(Peer::All),
                    _ => Err(item.wrong("of entities only `all` is supported here")),
                });
                all.collect::<Result<_, Fault>>()?
            }
            "toPorts" => {
                let to = items.iter().map(ports).collect::<Result<Vec<_>, _>>()?;
                rule.to = Some(to.into_iter().flatten().collect());
                continue;
            }
            _ => return Err(member.unsupported()),
        };
        if rule.from.is_some() {
            return Err(item.wrong("one rule has one member that says from whom; write two rules"));
        }
        rule.from = Some(peers);
    }
    Ok(Some(rule))
}

fn endpoints(item: &Member<'_>, own: &str) -> Result<Peer, Fault> {
    let mut pods = without_prefix(Selector::read(item)?);
    let namespaces = match pods.take(OF_NAMESPACE[0]) {
        Some(mut said) => {
            said.rename(|_| NAMESPACE.to_owned());
            said
        }
        None => Selector::of(NAMESPACE, own),
    };
    Ok(Peer::Pods { namespaces, pods })
}

/// Labels without the source `k8s:`, which is the default.
fn without_prefix(mut selector: Selector) -> Selector {
    selector.rename(|key| key.strip_prefix("k8s:").unwrap_or(key).to_owned());
    selector
}

fn ports(item: &Member<'_>) -> Result<Vec<To>, Fault> {
    let (mut ports, mut http) = (None, None);
    for member in item.members()? {
        match member.key() {
            "ports" => {
                let read = member.items()?.iter().map(port).collect::<Result<Vec<_>, _>>()?;
                let all: Vec<(u16, u16)> = read.into_iter().flatten().collect();
                ports = Some(all);
            }
            "rules" => {
                for member in member.members()? {
                    match member.key() {
                        "http" => {
                            http = Some(member.items()?.iter().map(call).collect::<Result<Vec<_>, _>>()?);
                        }
                        _ => return Err(member.unsupported()),
                    }
                }
            }
            _ => return Err(member.unsupported()),
        }
    }
    // Without rules, and with an empty list of them, all calls may come.
    let calls = http.filter(|http| !http.is_empty()).unwrap_or_else(|| vec![To::default()]);
    Ok(calls.into_iter().map(|to| To { ports: ports.clone(), ..to }).collect())
}

fn port(item: &Member<'_>) -> Result<Option<(u16, u16)>, Fault> {
    let (mut first, mut last, mut is_tcp) = (0u16, None, true);
    for member in item.members()? {
        match member.key() {
            "protocol" => is_tcp = matches!(member.text()?, "TCP" | "ANY"),
            "port" => first = member.parsed("number of a port; ports by name are not supported here")?,
            "endPort" => last = Some(member.parsed("number of a port")?),
            _ => return Err(member.unsupported()),
        }
    }
    // Port 0 stands for all.
    let ports = if first == 0 { (0, u16::MAX) } else { (first, last.unwrap_or(first)) };
    Ok(is_tcp.then_some(ports))
}

fn call(item: &Member<'_>) -> Result<To, Fault> {
    let mut to = To::default();
    for member in item.members()? {
        match member.key() {
            "method" => to.methods = Some(vec![Match::regex(&member)?]),
            "path" => to.paths = Some(vec![Match::regex_with_query(&member)?]),
            "host" => to.hosts = Some(vec![Match::regex(&member)?]),
            _ => return Err(member.unsupported()),
        }
    }
    Ok(to)
}
