//! Titles of the OWASP API Security Top 10 2023 (<https://owasp.org/API-Security/editions/2023/en/0x11-t10/>),
//! to which rules refer by number.

/// Name and version of the list.
pub(super) const LIST: (&str, &str) = ("OWASP API Security Top 10", "2023");

/// Ids, titles, and ends of the addresses of their pages.
pub(super) const RISKS: &[(&str, &str, &str)] = &[
    ("API1", "Broken Object Level Authorization", "0xa1-broken-object-level-authorization"),
    ("API2", "Broken Authentication", "0xa2-broken-authentication"),
    ("API3", "Broken Object Property Level Authorization", "0xa3-broken-object-property-level-authorization"),
    ("API4", "Unrestricted Resource Consumption", "0xa4-unrestricted-resource-consumption"),
    ("API5", "Broken Function Level Authorization", "0xa5-broken-function-level-authorization"),
    (
        "API6",
        "Unrestricted Access to Sensitive Business Flows",
        "0xa6-unrestricted-access-to-sensitive-business-flows",
    ),
    ("API7", "Server Side Request Forgery", "0xa7-server-side-request-forgery"),
    ("API8", "Security Misconfiguration", "0xa8-security-misconfiguration"),
    ("API9", "Improper Inventory Management", "0xa9-improper-inventory-management"),
    ("API10", "Unsafe Consumption of APIs", "0xaa-unsafe-consumption-of-apis"),
];

/// Address of the page of a risk, from the end that [`RISKS`] has.
pub(super) fn address(page: &str) -> String {
    format!("https://owasp.org/API-Security/editions/2023/en/{page}/")
}

/// `API2:2023 Broken Authentication`; the id alone where the list does not have it.
pub(super) fn titled(id: &str) -> String {
    match RISKS.iter().find(|(known, ..)| *known == id) {
        Some((id, title, _)) => format!("{id}:2023 {title}"),
        None => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::rules::RULES;

    #[test]
    fn rules_name_risks_that_the_list_has() {
        for rule in RULES {
            for id in rule.owasp {
                assert!(RISKS.iter().any(|(known, ..)| known == id), "{} names {id}", rule.id);
            }
        }
        assert_eq!(titled("API2"), "API2:2023 Broken Authentication");
    }
}
