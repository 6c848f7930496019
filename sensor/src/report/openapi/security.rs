//! Kinds of credential seen at an operation into security requirements and the schemes that they
//! name. A kind counts if calls with it were answered below 400; calls without any that were make
//! the rest optional. Where none was, nothing is said.

use std::collections::BTreeMap;

use super::Version;
use super::value::{Json, Members, put};
use crate::call::{Credential, Facts, Place, carries_credential};
use crate::inventory::EndpointStats;

/// Security schemes of one document by name.
pub(super) struct Schemes {
    version: Version,
    schemes: BTreeMap<String, Members>,
}

impl Schemes {
    /// None yet, of a document of that version.
    pub(super) fn new(version: Version) -> Schemes {
        Schemes { version, schemes: BTreeMap::new() }
    }

    /// The requirements of an operation, alternatives to each other; `None` if nothing is known.
    pub(super) fn requirements(&mut self, stats: &EndpointStats) -> Option<Json> {
        let mut names: Vec<String> = Vec::new();
        let (mut optional, mut known) = (false, false);
        for (kind, (calls, refused)) in by_kind(stats) {
            if refused >= calls {
                continue;
            }
            known |= kind != Credential::Unknown;
            if kind == Credential::None {
                optional = true;
            } else {
                names.extend(self.of_kind(kind, stats));
            }
        }
        names.sort();
        names.dedup();
        let mut alternatives: Vec<Json> =
            names.into_iter().map(|name| vec![(name, Json::List(Vec::new()))].into()).collect();
        if optional && !alternatives.is_empty() {
            alternatives.push(Members::new().into());
        }
        // An empty list would say that nothing is wanted.
        (known && (optional || !alternatives.is_empty())).then(|| alternatives.into())
    }

    fn of_kind(&mut self, kind: Credential, stats: &EndpointStats) -> Vec<String> {
        let has = |place: Place, name: &str| {
            stats.fields.keys().any(|key| key.place == place && *key.name == *name)
        };
        match kind {
            Credential::None | Credential::Unknown => Vec::new(),
            Credential::Basic => vec![self.http("basic", None)],
            Credential::Bearer if has(Place::Query, "access_token") => {
                let query = self.api_key(Place::Query, "access_token");
                let header = has(Place::RequestHeader, "authorization").then(|| self.http("bearer", None));
                header.into_iter().chain([query]).collect()
            }
            Credential::Bearer => vec![self.http("bearer", None)],
            Credential::Jwt => {
                let fields = stats.fields.iter().filter(|(_, sums)| sums.facts.contains(Facts::JWT));
                let elsewhere: Vec<_> = fields
                    .filter(|(key, _)| is_of_request(key.place) && &*key.name != "authorization")
                    .map(|(key, _)| (key.place, key.name.to_string()))
                    .collect();
                if elsewhere.is_empty() || has(Place::RequestHeader, "authorization") {
                    vec![self.http("bearer", Some("JWT"))]
                } else {
                    elsewhere.iter().map(|(place, name)| self.api_key(*place, name)).collect()
                }
            }
            Credential::ApiKey => {
                let mut found = self.carriers(stats, |place, name| {
                    name != "authorization" && name != "access_token" && !is_session(place, name)
                });
                if found.is_empty() {
                    found.push(self.api_key(Place::RequestHeader, "Authorization"));
                }
                found
            }
            Credential::SessionCookie => {
                let mut found = self.carriers(stats, is_session);
                if found.is_empty() {
                    // Its name is held back.
                    found.push(self.api_key(Place::Cookie, "{name}"));
                }
                found
            }
            Credential::Digest => vec![self.http("digest", None)],
            Credential::Negotiate => vec![self.http("negotiate", None)],
            // The handshake is the server's in front. OpenAPI 3.0 cannot say so.
            Credential::Certificate if self.version == Version::V3_0 => Vec::new(),
            Credential::Certificate => vec![self.mutual_tls()],
            Credential::Signed
                if has(Place::RequestHeader, "signature-input")
                    && !has(Place::RequestHeader, "authorization") =>
            {
                vec![self.api_key(Place::RequestHeader, "Signature-Input")]
            }
            Credential::Signed | Credential::Other => {
                vec![self.api_key(Place::RequestHeader, "Authorization")]
            }
        }
    }

    fn carriers(&mut self, stats: &EndpointStats, wanted: impl Fn(Place, &str) -> bool) -> Vec<String> {
        let keys = stats.fields.keys();
        let keys = keys.filter(|key| carries_credential(key.place, &key.name));
        keys.filter(|key| wanted(key.place, &key.name))
            .map(|key| self.api_key(key.place, &key.name))
            .collect()
    }

    fn http(&mut self, scheme: &str, format: Option<&str>) -> String {
        let mut members = vec![("type".to_owned(), "http".into()), ("scheme".to_owned(), scheme.into())];
        if let Some(format) = format {
            put(&mut members, "bearerFormat", format);
        }
        let name = match format {
            Some(format) => format!("{scheme}{format}"),
            None => scheme.to_owned(),
        };
        self.schemes.insert(name.clone(), members);
        name
    }

    fn mutual_tls(&mut self) -> String {
        let name = "mutualTLS".to_owned();
        self.schemes.insert(name.clone(), vec![("type".to_owned(), name.as_str().into())]);
        name
    }

    fn api_key(&mut self, place: Place, name: &str) -> String {
        let place = match place {
            Place::Query => "query",
            Place::Cookie => "cookie",
            _ => "header",
        };
        let members = vec![
            ("type".to_owned(), "apiKey".into()),
            ("in".to_owned(), place.into()),
            ("name".to_owned(), name.into()),
        ];
        // Of the characters that names of components have.
        let plain: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
            .collect();
        let base = format!("{place}.{plain}");
        let mut key = base.clone();
        let mut number = 1;
        while self.schemes.get(&key).is_some_and(|other| *other != members) {
            number += 1;
            key = format!("{base}.{number}");
        }
        self.schemes.insert(key.clone(), members);
        key
    }

    /// The `securitySchemes` of a document, if any.
    pub(super) fn into_json(self) -> Option<Json> {
        let schemes: Members =
            self.schemes.into_iter().map(|(name, members)| (name, members.into())).collect();
        (!schemes.is_empty()).then(|| schemes.into())
    }
}

/// Calls and refused calls by kind of credential.
pub(super) fn by_kind(stats: &EndpointStats) -> BTreeMap<Credential, (u64, u64)> {
    let mut kinds: BTreeMap<Credential, (u64, u64)> = BTreeMap::new();
    for (key, caller) in &stats.callers {
        let (calls, refused) = kinds.entry(key.credential).or_default();
        *calls = calls.saturating_add(caller.calls);
        *refused = refused.saturating_add(caller.refused);
    }
    kinds
}

fn is_of_request(place: Place) -> bool {
    matches!(place, Place::Query | Place::RequestHeader | Place::Cookie)
}

fn is_session(place: Place, name: &str) -> bool {
    place == Place::Cookie && !crate::call::is_key_name(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::value::yaml;
    use super::*;
    use crate::flow::Peer;
    use crate::inventory::{CallerKey, CallerStats, SmallMap};

    /// Requirements and schemes where calls with these kinds were answered.
    fn of(version: Version, kinds: &[Credential]) -> (Option<String>, Option<String>) {
        let peer = Peer { address: Ipv4Addr::LOCALHOST.into(), workload: None };
        let callers = kinds.iter().map(|&credential| {
            let stats = CallerStats { calls: 1, ..CallerStats::default() };
            (CallerKey { peer: peer.clone(), credential }, stats)
        });
        let stats = EndpointStats { callers: SmallMap::from_iter(callers), ..EndpointStats::default() };
        let mut schemes = Schemes::new(version);
        let requirements = schemes.requirements(&stats);
        (requirements.as_ref().map(yaml), schemes.into_json().as_ref().map(yaml))
    }

    #[test]
    fn a_certificate_never_reads_as_nothing() {
        let (requirements, schemes) = of(Version::V3_1, &[Credential::Certificate]);
        assert!(requirements.is_some_and(|text| text.contains("mutualTLS")));
        assert!(schemes.is_some_and(|text| text.contains("type: \"mutualTLS\"")));
        assert_eq!(of(Version::V3_0, &[Credential::Certificate]), (None, None));
        let (requirements, _) = of(Version::V3_0, &[Credential::Certificate, Credential::Basic]);
        assert!(requirements.is_some_and(|text| text.contains("basic") && !text.contains("mutual")));
        // Of both versions: anybody may.
        for version in [Version::V3_0, Version::V3_1] {
            assert!(of(version, &[Credential::None]).0.is_some_and(|text| text.contains("[]")));
        }
    }
}
