//! How strong kinds of credentials are, as far as kinds tell. Strong ones are put into a request on
//! purpose; a browser adds cookies to everything, so a session tells nothing of what is asked for.

use crate::call::Credential;

/// Somebody put it there on purpose.
pub(super) const fn is_strong(credential: Credential) -> bool {
    match credential {
        Credential::None | Credential::SessionCookie | Credential::Unknown => false,
        Credential::Basic
        | Credential::Bearer
        | Credential::Jwt
        | Credential::ApiKey
        | Credential::Other
        | Credential::Certificate
        | Credential::Signed
        | Credential::Digest
        | Credential::Negotiate => true,
    }
}

/// Rank: what replaces a credential of a higher one is weaker. Passwords and keys travel whole and never
/// expire, tokens expire, what is signed never travels.
pub(super) const fn rank(credential: Credential) -> u8 {
    match credential {
        Credential::None => 0,
        Credential::Basic => 1,
        Credential::ApiKey | Credential::Digest => 2,
        Credential::Bearer
        | Credential::Jwt
        | Credential::SessionCookie
        | Credential::Other
        | Credential::Negotiate
        | Credential::Unknown => 3,
        Credential::Signed | Credential::Certificate => 4,
    }
}

/// Strong kinds by scheme: a JWT is one form of bearer token, so the two are one scheme. `None` for what
/// does not tell schemes apart.
pub(super) const fn scheme(credential: Credential) -> Option<&'static str> {
    match credential {
        Credential::None | Credential::SessionCookie | Credential::Other | Credential::Unknown => None,
        Credential::Bearer | Credential::Jwt => Some("bearer tokens"),
        Credential::Basic => Some("basic"),
        Credential::ApiKey => Some("API keys"),
        Credential::Certificate => Some("client certificates"),
        Credential::Signed => Some("signed requests"),
        Credential::Digest => Some("digest"),
        Credential::Negotiate => Some("negotiate"),
    }
}
