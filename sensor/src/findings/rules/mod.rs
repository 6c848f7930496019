//! All rules, one file each: its opening comment is the rule's manual page.

pub mod admin_or_debug_endpoint;
pub mod auth_downgraded;
pub mod auth_not_enforced;
pub mod basic_over_clear;
pub mod blind_spot;
pub mod clear_transport;
pub mod credential_in_url;
pub mod excessive_data;
pub mod external_dependency;
pub mod jwt_alg_none;
pub mod jwt_expired_accepted;
pub mod jwt_long_lived;
pub mod jwt_no_expiry;
pub mod jwt_sensitive_claims;
pub mod jwt_weak_key;
pub mod mass_assignment;
pub mod missing_auth;
pub mod mixed_auth;
pub mod new_caller;
pub mod new_endpoint;
pub mod new_sensitive_field;
pub mod orphan_endpoint;
pub mod permissive_cors_with_credentials;
pub mod policy_violation;
pub mod rogue_service;
pub mod sensitive_in_url;
pub mod sensitive_to_external;
pub mod several_versions_live;
pub mod spec_drift;
pub mod undocumented_endpoint;
pub mod undocumented_field;
pub mod verbose_errors;
pub mod zombie_endpoint;

use super::{Context, Rule};

/// Every rule, sorted by id.
pub const RULES: &[&Rule] = &[
    &admin_or_debug_endpoint::RULE,
    &auth_downgraded::RULE,
    &auth_not_enforced::RULE,
    &basic_over_clear::RULE,
    &blind_spot::RULE,
    &clear_transport::RULE,
    &credential_in_url::RULE,
    &excessive_data::RULE,
    &external_dependency::RULE,
    &jwt_alg_none::RULE,
    &jwt_expired_accepted::RULE,
    &jwt_long_lived::RULE,
    &jwt_no_expiry::RULE,
    &jwt_sensitive_claims::RULE,
    &jwt_weak_key::RULE,
    &mass_assignment::RULE,
    &missing_auth::RULE,
    &mixed_auth::RULE,
    &new_caller::RULE,
    &new_endpoint::RULE,
    &new_sensitive_field::RULE,
    &orphan_endpoint::RULE,
    &permissive_cors_with_credentials::RULE,
    &policy_violation::RULE,
    &rogue_service::RULE,
    &sensitive_in_url::RULE,
    &sensitive_to_external::RULE,
    &several_versions_live::RULE,
    &spec_drift::RULE,
    &undocumented_endpoint::RULE,
    &undocumented_field::RULE,
    &verbose_errors::RULE,
    &zombie_endpoint::RULE,
];

/// The rule of an id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|rule| rule.id.cmp(id)).ok().map(|at| RULES[at])
}

/// The rule of an id was asked and had what it looks at: a policy, a specification. Of one that had not,
/// or that only another version of this program knows, nobody can say that its findings are gone.
pub fn is_evaluated(id: &str, context: &Context<'_>) -> bool {
    const OF_SPECIFICATIONS: [&str; 6] = [
        orphan_endpoint::RULE.id,
        rogue_service::RULE.id,
        spec_drift::RULE.id,
        undocumented_endpoint::RULE.id,
        undocumented_field::RULE.id,
        zombie_endpoint::RULE.id,
    ];
    match id {
        _ if rule(id).is_none() => false,
        _ if id == policy_violation::RULE.id => context.settings.policy.is_some(),
        _ if OF_SPECIFICATIONS.contains(&id) => !context.specs.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rules_are_sorted_and_say_what_they_are() {
        assert!(RULES.is_sorted_by(|one, other| one.id < other.id));
        for known in RULES {
            let Rule { id, title, owasp, rationale, remediation, checks, .. } = known;
            assert_eq!(rule(id).map(|rule| rule.id), Some(*id));
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{id}");
            assert!(!title.is_empty() && !title.ends_with('.') && title.len() <= 80, "{id}: title");
            for text in [rationale, remediation] {
                assert!(text.len() > 60 && text.ends_with('.') && !text.contains("  "), "{id}: {text}");
            }
            assert!(!checks.is_empty(), "{id} looks at nothing");
            let apis: BTreeSet<String> = (1..=10).map(|number| format!("API{number}")).collect();
            assert!(owasp.iter().all(|id| apis.contains(*id)), "{id}: {owasp:?}");
        }
    }
}
