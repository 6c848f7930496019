//! Kinds, ranks, principals.

use super::super::hash::Seed;
use super::super::text::facts_of_text;
use super::*;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

/// What a request comes to of which `carry` tells the parts.
fn authentication(carry: impl FnOnce(&mut Evidence, &mut Counters)) -> Authentication {
    let mut tokens = Tokens::new([7; 16], Seed::new([7; 16]));
    let mut evidence = Evidence::new(&mut tokens, Timestamp(1_735_689_600 * 1_000_000_000));
    carry(&mut evidence, &mut Counters::default());
    evidence.finish()
}

/// Carries one part.
type Step<'a> = &'a dyn Fn(&mut Evidence, &mut Counters);

fn authorization(value: &str) -> Authentication {
    authentication(|evidence, counters| evidence.authorization(value.as_bytes(), counters))
}

fn text(value: &str) -> Facts {
    facts_of_text(value.as_bytes())
}

#[test]
fn authorization_schemes() {
    for (value, kind) in [
        ("", Credential::None),
        ("Basic dXNlcjpwYXNz", Credential::Basic),
        ("bearer 0123", Credential::Bearer),
        (&format!("Bearer {JWT}"), Credential::Jwt),
        (JWT, Credential::Jwt),
        ("ApiKey abc", Credential::ApiKey),
        (
            "AWS4-HMAC-SHA256 Credential=A/20250101/r/s3/aws4_request, SignedHeaders=host, Signature=0",
            Credential::Signed,
        ),
        ("Signature keyId=\"a\",algorithm=\"hs2019\"", Credential::Signed),
        ("Digest username=\"Mufasa\", realm=\"x\"", Credential::Digest),
        ("Negotiate YII", Credential::Negotiate),
        ("NTLM TlRM", Credential::Negotiate),
        ("something", Credential::Other),
    ] {
        assert_eq!(authorization(value).credential, kind, "{value}");
    }
}

#[test]
fn principals_are_of_who_and_not_of_the_credential() {
    let same = |one: &str, other: &str| {
        let [one, other] = [one, other].map(|value| authorization(value).principal);
        one.is_some() && one == other
    };
    // user:pass, user:other, ada:pass.
    assert!(same("Basic dXNlcjpwYXNz", "Basic dXNlcjpvdGhlcg=="));
    assert!(!same("Basic dXNlcjpwYXNz", "Basic YWRhOnBhc3M="));
    assert!(!same("Basic !", "Basic !"));
    assert!(!same("Bearer a", "Bearer b") && same("Bearer a", "bearer  a"));
    // Both of {"sub":"1"}.
    let other = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.b3RoZXI";
    assert!(same(&format!("Bearer {JWT}"), &format!("Bearer {other}")));
    assert!(same("Digest username=\"a\", nonce=\"1\"", "Digest nonce=\"2\", username=\"a\""));
    assert!(same(
        "AWS4-HMAC-SHA256 Credential=AKID/20250101/r/s/aws4_request, Signature=1",
        "AWS4-HMAC-SHA256 Credential=AKID/20250102/r/s/aws4_request, Signature=2",
    ));
    assert!(authorization("Negotiate YII").principal.is_none());
}

#[test]
fn names_and_ranks() {
    let after = |steps: usize| {
        authentication(|evidence, counters| {
            let take: [Step; 7] = [
                &|e, c| e.cookie(b"theme", b"dark", text("dark"), c),
                &|e, c| e.query(b"key", b"abc", text("abc"), c),
                &|e, c| e.cookie(b"JSESSIONID", b"", text(""), c),
                &|e, c| e.cookie(b"connect.sid", b"s:abc", text("s:abc"), c),
                &|e, c| e.header(is_key_name(b"X-Api-Key"), b"abc", text("abc"), c),
                &|e, c| e.query(b"access_token", b"abc", text("abc"), c),
                &|e, c| e.cookie(b"theme", JWT.as_bytes(), text(JWT), c),
            ];
            take.iter().take(steps).for_each(|step| step(evidence, counters));
        })
    };
    let kinds: Vec<Credential> = (0..=7).map(|steps| after(steps).credential).collect();
    use Credential::{ApiKey, Bearer, Jwt, None, SessionCookie};
    assert_eq!(kinds, [None, None, None, None, SessionCookie, ApiKey, Bearer, Jwt]);
    assert!(!is_key_name(b"X-CSRF-Token") && is_key_name(b"Ocp-Apim-Subscription-Key"));
}

#[test]
fn certificates_that_proxies_vouch_for() {
    let of = |headers: &[(&str, &str)]| {
        authentication(|evidence, _| {
            headers.iter().for_each(|(name, value)| evidence.certificate(name.as_bytes(), value.as_bytes()));
        })
    };
    let spiffe = "By=spiffe://x/b;Hash=0a;Subject=\"CN=a,O=b\";URI=spiffe://x/a";
    let one = of(&[("x-forwarded-client-cert", spiffe)]);
    assert_eq!(one.credential, Credential::Certificate);
    let other = of(&[("x-forwarded-client-cert", "Hash=0b;URI=spiffe://x/a")]);
    assert_eq!(one.principal, other.principal);
    let subject = [("x-ssl-client-cert", "-----BEGIN"), ("x-ssl-client-s-dn", "CN=a")];
    let verified = of(&[subject[0], subject[1], ("x-ssl-client-verify", "SUCCESS")]);
    assert_eq!(verified.credential, Credential::Certificate);
    assert_eq!(verified.principal, of(&subject[1..]).principal);
    for headers in [
        &[("x-ssl-client-verify", "NONE"), ("x-ssl-client-s-dn", "")][..],
        &[("x-ssl-client-verify", "FAILED:expired"), ("x-ssl-client-s-dn", "CN=a")],
        &[("x-ssl-client-verify", "SUCCESS")],
        &[("x-ssl-client-s-dn", "(null)")],
    ] {
        assert_eq!(of(headers).credential, Credential::None, "{headers:?}");
    }
}

#[test]
fn credentials_in_the_url() {
    let query = |name: &str, value: &str| {
        let found = authentication(|evidence, counters| {
            evidence.query(name.as_bytes(), value.as_bytes(), text(value), counters);
        });
        (found.credential, found.signs(Timestamp(0), Some(200)).contains(Sign::CredentialInUrl))
    };
    assert_eq!(query("access_token", "abc"), (Credential::Bearer, true));
    assert_eq!(query("api_key", "abc"), (Credential::ApiKey, true));
    assert_eq!(query("q", JWT), (Credential::Jwt, true));
    assert_eq!(query("jsessionid", "abc"), (Credential::SessionCookie, true));
    assert_eq!(query("api_key", ""), (Credential::None, false));
    assert_eq!(query("q", "abc"), (Credential::None, false));
    assert_eq!(query("X-Amz-Credential", "AKID/20250101/r/s3/aws4_request"), (Credential::Signed, false));
    let path = |path: &str| {
        authentication(|evidence, _| evidence.path(path.as_bytes())).signs(Timestamp(0), None).is_empty()
    };
    assert!(!path("/a;x=1/b;JSESSIONID=0a") && path("/a;jsessionid=") && path("/jsessionid=1") && path("/"));
}

#[test]
fn parameters_of_credentials() {
    let text = b"Credential=A/b , a=\"x,;=\";B = c;flag,last=";
    for (name, value) in [
        ("credential", Some("A/b")),
        ("a", Some("x,;=")),
        ("b", Some("c")),
        ("last", Some("")),
        ("flag", None),
        ("", None),
    ] {
        assert_eq!(parameter(text, name.as_bytes()), value.map(str::as_bytes), "{name}");
    }
    assert_eq!(parameter(b"a=\"open", b"a"), Some(&b"open"[..]));
}
