//! What callers and services are called in a cluster: a file that people write, since the sensor does not
//! know pods. What it does not name has no identity; nothing is guessed.
//!
//! ```yaml
//! callers:
//!   - {name: "web@*", namespace: shop, labels: {app: web}, service_account: web}
//! services:
//!   - {name: "api.shop:8080", namespace: shop, labels: {app: api}, port: 8080}
//! ```

use std::collections::BTreeMap;

use crate::call::fits;
use crate::inventory::policy::port;
use crate::inventory::yaml::{self, Fault, Node};
use crate::limits::IDENTITIES_MAX;

const FORM: &str = "an identity has `name`, `namespace`, `labels`, `service_account`, `principal` and `port`";

/// Who is who; of two that fit the first counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identities {
    callers: Vec<Identity>,
    services: Vec<Identity>,
}

/// One workload in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// Our name for it, `*` for any characters.
    pub name: String,
    /// Namespace; may be empty.
    pub namespace: String,
    /// Labels of its pods; may be empty.
    pub labels: BTreeMap<String, String>,
    /// Service account; may be empty.
    pub service_account: String,
    /// SPIFFE id without its scheme; may be empty.
    pub spiffe: String,
    /// Port of its pods, if it is not that of the service's name.
    pub port: Option<u16>,
}

impl Identity {
    /// Principal as Istio has it.
    pub fn principal(&self) -> Option<String> {
        if !self.spiffe.is_empty() {
            return Some(self.spiffe.clone());
        }
        (!self.namespace.is_empty() && !self.service_account.is_empty())
            .then(|| format!("cluster.local/ns/{}/sa/{}", self.namespace, self.service_account))
    }

    /// The port of its pods, for a service of that name.
    pub fn port_of(&self, service: &str) -> u16 {
        self.port.unwrap_or_else(|| port(service))
    }
}

impl Identities {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The line, what is wrong and what would be right.
    pub fn read(text: &str) -> Result<Identities, Fault> {
        let mut all = Identities::default();
        let Some(root) = yaml::read(text, 6)? else { return Ok(all) };
        for (key, line, list) in root.members() {
            let into = match key.as_str() {
                "callers" => &mut all.callers,
                "services" => &mut all.services,
                _ => {
                    return Err(Fault::at(
                        *line,
                        format!("unknown key `{key}`; there are `callers` and `services`"),
                    ));
                }
            };
            for node in list.items() {
                if into.len() == IDENTITIES_MAX {
                    return Err(Fault::at(node.line, format!("there are more than {IDENTITIES_MAX} names")));
                }
                into.push(identity(node)?);
            }
        }
        Ok(all)
    }

    /// Who a caller is.
    pub fn caller(&self, name: &str) -> Option<&Identity> {
        // Without the cgroup it is the program.
        let program = name.split_once('@').map_or(name, |(program, _)| program);
        self.callers.iter().find(|known| fits(&known.name, name) || fits(&known.name, program))
    }

    /// Who a service is.
    pub fn service(&self, name: &str) -> Option<&Identity> {
        self.services.iter().find(|known| fits(&known.name, name))
    }
}

fn identity(node: &Node) -> Result<Identity, Fault> {
    let mut identity = Identity::default();
    for (key, line, value) in node.members() {
        let text = || value.text().ok_or_else(|| Fault::at(*line, format!("`{key}` needs a text")));
        match key.as_str() {
            "name" => identity.name = text()?.to_owned(),
            "namespace" => identity.namespace = text()?.to_owned(),
            "service_account" => identity.service_account = text()?.to_owned(),
            "principal" => {
                let typed = text()?;
                identity.spiffe = typed.strip_prefix("spiffe://").unwrap_or(typed).to_owned();
                if identity.spiffe.contains('*') {
                    return Err(Fault::at(*line, "`principal` is one; `*` would stand for others"));
                }
            }
            "port" => {
                let number = text()?.parse().ok().filter(|number| *number > 0);
                let what = || Fault::at(*line, "`port` needs a number from 1 to 65535");
                identity.port = Some(number.ok_or_else(what)?);
            }
            "labels" => {
                for (label, line, value) in value.members() {
                    let value =
                        value.text().ok_or_else(|| Fault::at(*line, format!("`{label}` needs a text")))?;
                    identity.labels.insert(label.clone(), value.to_owned());
                }
            }
            _ => return Err(Fault::at(*line, format!("unknown key `{key}`; {FORM}"))),
        }
    }
    if identity.name.is_empty() {
        return Err(Fault::at(node.line, format!("there is no `name`; {FORM}")));
    }
    Ok(identity)
}
