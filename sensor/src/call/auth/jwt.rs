//! A JSON Web Token (RFC 7519): header and claims in, what rules ask about and whom it stands for out.
//! The token is decoded and dropped. Encrypted ones (RFC 7516) say nothing. No signature is checked but
//! with keys that everybody knows.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::super::classify::{self, Context};
use super::super::text::facts_of_text;
use super::super::{DataClass, Facts, Place, Sign, Signs};
use super::weak::{Algorithm, is_weak};
use crate::flow::Timestamp;
use crate::limits::{JWT_BYTES_MAX, JWT_CLAIMS_MAX, JWT_LIFETIME_S};

/// Seconds that clocks may differ.
const LEEWAY_S: u64 = 60;

/// Deepest object or array in claims that is looked at.
const DEPTH_MAX: usize = 4;

/// As libraries take it, not all of which are strict.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a token says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Jwt {
    /// Those that hold whenever it is used.
    signs: Signs,
    /// Seconds since the epoch.
    expires_s: Option<u64>,
    /// It does not say since when it is valid.
    undated: bool,
}

/// Whom a token stands for, as one text to be hashed; empty if it does not say.
pub(super) type Subject = Vec<u8>;

/// Decodes a token; `may_try` says whether well-known keys may be tried. Whether they would have been is
/// told besides.
pub(super) fn decode(token: &[u8], may_try: impl FnOnce() -> bool) -> (Jwt, Subject) {
    let nothing = (Jwt::default(), Subject::new());
    let mut parts = token.split(|&byte| byte == b'.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return nothing;
    };
    if token.len() > JWT_BYTES_MAX {
        return nothing;
    }
    let plain = |part: &[u8]| LENIENT.decode(part.trim_ascii()).ok();
    let (Some(header_text), Some(claims_text)) = (plain(header), plain(claims)) else { return nothing };
    let read = |text: &[u8]| serde_json::from_slice::<Value>(text).ok();
    let (Some(Value::Object(head)), Some(Value::Object(claims))) = (read(&header_text), read(&claims_text))
    else {
        return nothing;
    };
    let mut jwt = Jwt::default();
    let algorithm = match head.get("alg") {
        None | Some(Value::Null) => "none",
        Some(Value::String(name)) => name,
        Some(_) => return nothing,
    };
    if algorithm.is_empty() || algorithm.eq_ignore_ascii_case("none") {
        jwt.signs.add(Sign::JwtNone);
    } else if let Some(algorithm) = Algorithm::of_name(algorithm)
        && let Some(signature) = plain(signature)
        && may_try()
    {
        // All before the last dot is what is signed (RFC 7515 section 5.1).
        let signed =
            &token[..token.len() - 1 - token.rsplit(|&byte| byte == b'.').next().map_or(0, <[u8]>::len)];
        if is_weak(algorithm, signed, &signature) {
            jwt.signs.add(Sign::JwtWeakKey);
        }
    }
    let seconds =
        |name: &str| claims.get(name).and_then(Value::as_f64).map(|seconds| seconds.max(0.0) as u64);
    jwt.expires_s = seconds("exp");
    match (jwt.expires_s, seconds("iat")) {
        (None, _) => jwt.signs.add(Sign::JwtNoExpiry),
        (Some(expires), Some(issued)) if expires.saturating_sub(issued) > JWT_LIFETIME_S => {
            jwt.signs.add(Sign::JwtLongLived);
        }
        (Some(_), issued) => jwt.undated = issued.is_none(),
    }
    let mut left = JWT_CLAIMS_MAX;
    if claims.iter().any(|(name, value)| is_sensitive(name, value, DEPTH_MAX, &mut left)) {
        jwt.signs.add(Sign::JwtSensitiveClaims);
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let who = ["sub", "client_id", "azp", "appid"].into_iter().map(text).find(|who| !who.is_empty());
    // No claim has a byte 0 that was not written as an escape, and then it is another's own.
    let subject = who.map(|who| [text("iss"), who].join("\0").into_bytes()).unwrap_or_default();
    (jwt, subject)
}

/// The claim, or one within, is of a class, and no address of mail. Names of the registry that hold ids of
/// the token itself are no data.
fn is_sensitive(name: &str, value: &Value, depth: usize, left: &mut usize) -> bool {
    const OWN: &[&str] =
        &["jti", "sid", "nonce", "at_hash", "c_hash", "s_hash", "sub", "iss", "aud", "azp", "client_id"];
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    let context = Context::of(Place::RequestBody, name);
    let found = match value {
        Value::String(text) => classify::of_text(text.as_bytes(), facts_of_text(text.as_bytes()), context),
        Value::Number(number) => {
            number.as_u64().and_then(|number| classify::of_integer(number.to_string().as_bytes(), context))
        }
        Value::Array(items) if depth > 0 => {
            return items.iter().any(|item| is_sensitive(name, item, depth - 1, left));
        }
        Value::Object(members) if depth > 0 => {
            return members.iter().any(|(name, value)| is_sensitive(name, value, depth - 1, left));
        }
        _ => None,
    };
    let own = depth == DEPTH_MAX && OWN.contains(&name);
    found.is_some_and(|found| found.is_secret() && !(own && found.class == DataClass::Token))
}

impl Jwt {
    /// What holds of a call at that time that was answered with that status. What was refused says nothing
    /// about the service.
    pub(super) fn signs(self, at: Timestamp, status: Option<u16>) -> Signs {
        if status.is_none_or(|status| status >= 400) {
            return Signs::default();
        }
        let granted = matches!(status, Some(200..300));
        let now_s = at.0 / 1_000_000_000;
        let mut signs = Signs::default();
        self.signs.iter().filter(|&sign| granted || sign != Sign::JwtNone).for_each(|sign| signs.add(sign));
        if let Some(expires) = self.expires_s {
            if granted && expires.saturating_add(LEEWAY_S) < now_s {
                signs.add(Sign::JwtExpiredAccepted);
            }
            if self.undated && expires.saturating_sub(now_s) > JWT_LIFETIME_S {
                signs.add(Sign::JwtLongLived);
            }
        }
        signs
    }
}

/// A value is a token of this form.
pub(super) fn is(facts: Facts) -> bool {
    facts.contains(Facts::JWT)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const NOW: Timestamp = Timestamp(1_735_689_600 * 1_000_000_000);
    const NOW_S: u64 = NOW.0 / 1_000_000_000;

    fn token(header: &str, claims: &str, signature: &str) -> Vec<u8> {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{claims}.{signature}").into_bytes()
    }

    fn names(header: &str, claims: &str, status: u16) -> String {
        let (jwt, _) = decode(&token(header, claims, "c2ln"), || true);
        jwt.signs(NOW, Some(status)).iter().map(Sign::name).collect::<Vec<_>>().join(" ")
    }

    const RS: &str = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";

    #[test]
    fn lifetimes() {
        let exp = |seconds: i64| NOW_S as i64 + seconds;
        let with = |claims: String| names(RS, &claims, 200);
        assert_eq!(with(format!("{{\"sub\":\"a\",\"iat\":{},\"exp\":{}}}", exp(-10), exp(3600))), "");
        assert_eq!(with(format!("{{\"exp\":{}}}", exp(-59))), "");
        assert_eq!(with(format!("{{\"exp\":{}}}", exp(-61))), "jwt-expired-accepted");
        assert_eq!(with(format!("{{\"exp\":{}}}", exp(86_401))), "jwt-long-lived");
        assert_eq!(with(format!("{{\"iat\":{},\"exp\":{}}}", exp(0), exp(86_400))), "");
        assert_eq!(with(format!("{{\"iat\":{},\"exp\":{}.5}}", exp(-86_000), exp(401))), "jwt-long-lived");
        assert_eq!(with("{}".to_owned()), "jwt-no-expiry");
        // What was refused says nothing, what led elsewhere was taken.
        assert_eq!(names(RS, "{\"exp\":1}", 401), "");
        assert_eq!(names(RS, "{\"exp\":1}", 302), "");
        assert_eq!(names(RS, "{}", 302), "jwt-no-expiry");
    }

    #[test]
    fn algorithms() {
        let claims = format!("{{\"iat\":{NOW_S},\"exp\":{}}}", NOW_S + 60);
        for header in ["{\"alg\":\"none\"}", "{\"alg\":\"NoNe\"}", "{\"typ\":\"JWT\"}", "{\"alg\":\"\"}"] {
            assert_eq!(names(header, &claims, 200), "jwt-none", "{header}");
            assert_eq!(names(header, &claims, 302), "", "{header}");
        }
        for alg in ["HS256", "RS512", "PS256", "ES256", "EdDSA"] {
            assert_eq!(names(&format!("{{\"alg\":\"{alg}\"}}"), &claims, 200), "", "{alg}");
        }
    }

    #[test]
    fn the_example_of_everybody_has_a_weak_key() {
        // Of jwt.io, with the secret `your-256-bit-secret`.
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
                     eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.\
                     SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
        let (jwt, subject) = decode(token.as_bytes(), || true);
        assert!(jwt.signs.contains(Sign::JwtWeakKey));
        assert_eq!(subject, b"\x001234567890");
        let (jwt, _) = decode(token.as_bytes(), || false);
        assert!(!jwt.signs.contains(Sign::JwtWeakKey));
        let (jwt, _) = decode(token.replace("adQssw5c", "bdQssw5c").as_bytes(), || true);
        assert!(!jwt.signs.contains(Sign::JwtWeakKey));
    }

    #[test]
    fn sensitive_claims() {
        let with =
            |claim: &str| names(RS, &format!("{{\"iat\":{NOW_S},\"exp\":{},{claim}}}", NOW_S + 60), 200);
        for claim in [
            "\"ssn\":\"078-05-1120\"",
            "\"phone_number\":\"+1 202 555 0143\"",
            "\"birthdate\":\"1985-07-30\"",
            "\"user\":{\"card\":[\"4012888888881881\"]}",
            "\"password\":\"hunter2\"",
        ] {
            assert_eq!(with(claim), "jwt-sensitive-claims", "{claim}");
        }
        for claim in [
            "\"email\":\"a@example.org\"",
            "\"jti\":\"0123456789abcdef0123456789abcdef\"",
            "\"scope\":\"read write\"",
            "\"phone_number_verified\":true",
            "\"sub\":\"78805112012345\"",
        ] {
            assert_eq!(with(claim), "", "{claim}");
        }
    }

    #[test]
    fn what_is_no_token_says_nothing() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(2000), "]".repeat(2000));
        for text in [
            b"eyJhbGciOiJIUzI1NiJ9.e30".to_vec(),
            b"a.b.c.d.e".to_vec(),
            b"..".to_vec(),
            token("[]", "{}", ""),
            token("{\"alg\":1}", "{}", ""),
            token("{\"alg\":\"HS256\"}", "[]", ""),
            token("{\"alg\":\"HS256\"}", &deep, ""),
            token(RS, &format!("{{\"a\":\"{}\"}}", "x".repeat(JWT_BYTES_MAX)), ""),
        ] {
            assert_eq!(decode(&text, || true), (Jwt::default(), Vec::new()));
        }
    }
}
