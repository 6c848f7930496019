//! Rule and subject -> fingerprint: the first 16 bytes of SHA-256, as 32 hex digits, of a compact JSON
//! array in UTF-8 (RFC 8259, no blanks, only `"`, `\` and control characters escaped):
//! `[rule, service, method, template, place, field, of]`, with `null` for what the subject does not have.
//! Level, message, counts and times are no part of it. A template that still hides a word has the
//! installation's own hash in it, so its fingerprint changes once the word is shown.

use sha2::{Digest, Sha256};

use super::{Finding, Fingerprint, Subject};

impl Fingerprint {
    /// The identity of a finding.
    pub fn of(finding: &Finding) -> Fingerprint {
        Fingerprint::of_subject(finding.rule, &finding.subject)
    }

    /// The identity of a finding of a rule about a subject.
    pub fn of_subject(rule: &str, subject: &Subject) -> Fingerprint {
        let endpoint = subject.endpoint.as_ref();
        let field = subject.field.as_ref();
        let parts = [
            Some(rule),
            Some(&*subject.service),
            endpoint.map(|(method, _)| method.name()),
            endpoint.map(|(_, template)| template.as_str()),
            field.map(|field| field.place.name()),
            field.map(|field| &*field.name),
            subject.of.as_deref(),
        ];
        let text = serde_json::Value::from_iter(parts).to_string();
        let hash = Sha256::digest(text.as_bytes());
        Fingerprint(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}
