//! `AuthorizationPolicy` of security.istio.io/v1 with the action ALLOW: who may make which calls.

use super::matching::Match;
use super::member::Member;
use super::selector::{Peer, Selector};
use super::{Rule, To};
use crate::inventory::yaml::Fault;

pub(super) fn read(spec: &Member<'_>) -> Result<(Selector, Vec<Rule>), Fault> {
    let (mut pods, mut rules) = (Selector::default(), Vec::new());
    for member in spec.members()? {
        match member.key() {
            "selector" => {
                for inner in member.members()? {
                    if inner.key() != "matchLabels" {
                        return Err(inner.unsupported());
                    }
                }
                pods = Selector::read(&member)?;
            }
            "action" if member.text()? == "ALLOW" => {}
            "action" => return Err(member.wrong("of actions only `ALLOW` is supported here")),
            "rules" => {
                for item in member.items()? {
                    rules.push(rule(&item)?);
                }
            }
            _ => return Err(member.unsupported()),
        }
    }
    Ok((pods, rules))
}

fn rule(item: &Member<'_>) -> Result<Rule, Fault> {
    let mut rule = Rule::default();
    for member in item.members()? {
        match member.key() {
            "from" => rule.from = Some(each(&member, "source", source)?),
            "to" => rule.to = Some(each(&member, "operation", operation)?),
            _ => return Err(member.unsupported()),
        }
    }
    Ok(rule)
}

/// Items with one member of that name, which must not be empty.
fn each<T>(
    list: &Member<'_>,
    name: &str,
    read: fn(&Member<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let items = list.items()?;
    if items.is_empty() {
        return Err(list.wrong("the list is empty, which Istio does not take"));
    }
    let mut all = Vec::new();
    for item in items {
        let members = item.members()?;
        let [member] = &members[..] else {
            return Err(item.wrong(format!("there must be `{name}` and nothing else")));
        };
        if member.key() != name || member.members()?.is_empty() {
            return Err(item.wrong(format!("there must be `{name}`, and something in it")));
        }
        all.push(read(member)?);
    }
    Ok(all)
}

fn source(source: &Member<'_>) -> Result<Peer, Fault> {
    let (mut principals, mut namespaces, mut blocks) = (None, None, None);
    for member in source.members()? {
        match member.key() {
            "principals" => principals = Some(list(&member, Match::starred)?),
            "namespaces" => namespaces = Some(list(&member, Match::starred)?),
            "ipBlocks" => blocks = Some(list(&member, |item| item.parsed("network"))?),
            _ => return Err(member.unsupported()),
        }
    }
    Ok(Peer::Source { principals, namespaces, blocks })
}

fn operation(operation: &Member<'_>) -> Result<To, Fault> {
    let mut to = To::default();
    for member in operation.members()? {
        match member.key() {
            "hosts" => to.hosts = Some(list(&member, Match::starred_in_any_case)?),
            "ports" => {
                to.ports =
                    Some(list(&member, |item| item.parsed("number of a port").map(|port| (port, port)))?);
            }
            "methods" => to.methods = Some(list(&member, Match::starred)?),
            "paths" => to.paths = Some(list(&member, Match::path)?),
            _ => return Err(member.unsupported()),
        }
    }
    Ok(to)
}

/// An empty list is as none for Istio; nobody writes it to allow all.
fn list<T>(member: &Member<'_>, read: impl Fn(&Member<'_>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let items = member.items()?;
    if items.is_empty() {
        return Err(member.wrong("the list is empty, which Istio reads as any"));
    }
    items.iter().map(read).collect()
}
