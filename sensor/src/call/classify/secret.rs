//! Secrets of known providers, by their prefix and the form of what follows, as the providers document
//! them; private keys in PEM. One hit is enough: nothing else reads so.

use super::alphabet::Alphabet;

/// Prefix, least and most bytes behind it, their alphabet.
struct Form(&'static str, usize, usize, Alphabet);

/// More bytes than any token has.
const ANY: usize = 1024;

/// Shortest secret of the list.
const BYTES_MIN: usize = 20;

const FORMS: &[Form] = &[
    // Amazon Web Services: access keys and session keys.
    Form("AKIA", 16, 16, Alphabet::UPPER),
    Form("ASIA", 16, 16, Alphabet::UPPER),
    // GitHub.
    Form("ghp_", 36, 255, Alphabet::ALNUM),
    Form("gho_", 36, 255, Alphabet::ALNUM),
    Form("ghu_", 36, 255, Alphabet::ALNUM),
    Form("ghs_", 36, 255, Alphabet::ALNUM),
    Form("ghr_", 36, 255, Alphabet::ALNUM),
    Form("github_pat_", 60, 255, Alphabet::WORD),
    // GitLab.
    Form("glpat-", 20, 300, Alphabet::DOTTED),
    Form("gldt-", 20, 300, Alphabet::URL),
    Form("glrt-", 20, 300, Alphabet::DOTTED),
    // Slack.
    Form("xoxb-", 20, 255, Alphabet::URL),
    Form("xoxp-", 20, 255, Alphabet::URL),
    Form("xoxa-", 20, 255, Alphabet::URL),
    Form("xoxr-", 20, 255, Alphabet::URL),
    Form("xoxs-", 20, 255, Alphabet::URL),
    Form("xoxe-", 20, 255, Alphabet::URL),
    Form("xoxe.", 20, 255, Alphabet::DOTTED),
    Form("xapp-", 20, 255, Alphabet::URL),
    // Stripe.
    Form("sk_live_", 20, 255, Alphabet::ALNUM),
    Form("rk_live_", 20, 255, Alphabet::ALNUM),
    Form("whsec_", 24, 255, Alphabet::DOTTED),
    // Google: API keys, client secrets, access tokens.
    Form("AIza", 35, 35, Alphabet::URL),
    Form("GOCSPX-", 28, 28, Alphabet::URL),
    Form("ya29.", 40, ANY, Alphabet::DOTTED),
    // SendGrid.
    Form("SG.", 66, 66, Alphabet::DOTTED),
    // Twilio.
    Form("SK", 32, 32, Alphabet::HEX),
    // npm, PyPI, RubyGems.
    Form("npm_", 36, 36, Alphabet::ALNUM),
    Form("pypi-AgE", 40, ANY, Alphabet::URL),
    Form("rubygems_", 48, 48, Alphabet::HEX),
    // Anthropic, OpenAI, Groq, Hugging Face.
    Form("sk-ant-", 32, ANY, Alphabet::URL),
    Form("sk-proj-", 32, ANY, Alphabet::URL),
    Form("sk-svcacct-", 32, ANY, Alphabet::URL),
    Form("sk-admin-", 32, ANY, Alphabet::URL),
    Form("sk-", 48, 48, Alphabet::ALNUM),
    Form("gsk_", 52, 52, Alphabet::ALNUM),
    Form("hf_", 34, 40, Alphabet::ALNUM),
    // DigitalOcean.
    Form("dop_v1_", 64, 64, Alphabet::HEX),
    Form("doo_v1_", 64, 64, Alphabet::HEX),
    Form("dor_v1_", 64, 64, Alphabet::HEX),
    // Heroku, Netlify, Fly, Supabase, Doppler, Vault.
    Form("HRKU-", 36, 80, Alphabet::URL),
    Form("nfp_", 36, 40, Alphabet::ALNUM),
    Form("sbp_", 40, 40, Alphabet::HEX),
    Form("dp.pt.", 40, 44, Alphabet::ALNUM),
    Form("hvs.", 24, 200, Alphabet::URL),
    // Mailgun.
    Form("key-", 32, 32, Alphabet::HEX),
    // Shopify.
    Form("shpat_", 32, 32, Alphabet::HEX),
    Form("shpca_", 32, 32, Alphabet::HEX),
    Form("shppa_", 32, 32, Alphabet::HEX),
    Form("shpss_", 32, 32, Alphabet::HEX),
    // Square.
    Form("sq0atp-", 22, 22, Alphabet::URL),
    Form("sq0csp-", 43, 43, Alphabet::URL),
    Form("EAAA", 56, 64, Alphabet::URL),
    // Databricks, Docker, Grafana, New Relic, Postman, Linear, Notion, Sentry, Atlassian, Razorpay.
    Form("dapi", 32, 34, Alphabet::HEX),
    Form("dckr_pat_", 27, 27, Alphabet::URL),
    Form("glsa_", 41, 41, Alphabet::WORD),
    Form("NRAK-", 27, 27, Alphabet::UPPER),
    Form("PMAK-", 59, 59, Alphabet::URL),
    Form("lin_api_", 40, 40, Alphabet::ALNUM),
    Form("ntn_", 40, 60, Alphabet::ALNUM),
    Form("sntrys_", 40, ANY, Alphabet::DOTTED),
    Form("ATATT3", 100, 250, Alphabet::DOTTED),
    Form("rzp_live_", 14, 24, Alphabet::ALNUM),
];

/// For each first byte of a prefix which second bytes there are, by their last six bits.
static BEGINNINGS: [u64; 128] = beginnings();

const fn beginnings() -> [u64; 128] {
    let mut table = [0; 128];
    let mut at = 0;
    while at < FORMS.len() {
        let prefix = FORMS[at].0.as_bytes();
        table[prefix[0] as usize] |= 1 << (prefix[1] & 63);
        at += 1;
    }
    table
}

/// The first two bytes are those of some prefix, or of a bot's token of Discord or of a connection string.
#[inline]
pub(super) fn may_begin(text: &[u8]) -> bool {
    let &[first, second, ..] = text else { return false };
    let prefix = BEGINNINGS.get(usize::from(first)).is_some_and(|seconds| seconds >> (second & 63) & 1 != 0);
    text.len() >= BYTES_MIN && (prefix || is_of_azure(text) || is_of_discord(text))
}

/// A secret of a provider.
pub(super) fn is_secret(text: &[u8]) -> bool {
    if text.len() < BYTES_MIN {
        return false;
    }
    let fits = |form: &Form| {
        text.strip_prefix(form.0.as_bytes()).is_some_and(|rest| {
            (form.1..=form.2).contains(&rest.len()) && form.3.has_all(rest) && has_variety(rest)
        })
    };
    let first =
        BEGINNINGS.get(usize::from(text[0])).is_some_and(|seconds| seconds >> (text[1] & 63) & 1 != 0);
    (first && FORMS.iter().any(fits)) || is_of_telegram(text) || is_of_discord(text) || is_of_azure(text)
}

/// Not a placeholder: `ghp_xxxx…`.
fn has_variety(text: &[u8]) -> bool {
    let mut seen = 0_u128;
    text.iter().for_each(|byte| seen |= 1 << (byte & 127));
    seen.count_ones() >= 6
}

/// Number of a bot, colon, 35 characters (Telegram).
fn is_of_telegram(text: &[u8]) -> bool {
    let Some(colon) = text.iter().take(12).position(|&byte| byte == b':') else { return false };
    (8..=10).contains(&colon)
        && text[..colon].iter().all(u8::is_ascii_digit)
        && text[colon + 1..].len() == 35
        && Alphabet::URL.has_all(&text[colon + 1..])
}

/// Number of a bot in base64, time, 27 characters or more (Discord).
fn is_of_discord(text: &[u8]) -> bool {
    if !matches!(text[0], b'M' | b'N' | b'O') || !(57..=80).contains(&text.len()) {
        return false;
    }
    let mut parts = text.split(|&byte| byte == b'.');
    let (Some(id), Some(time), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    (24..=28).contains(&id.len())
        && time.len() == 6
        && (27..=40).contains(&hash.len())
        && [id, time, hash].iter().all(|part| Alphabet::URL.has_all(part))
}

/// Client secrets (`…8Q~…`) and connection strings of Azure.
fn is_of_azure(text: &[u8]) -> bool {
    let client = (37..=40).contains(&text.len())
        && &text[4..6] == b"Q~"
        && text[3].is_ascii_digit()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(byte));
    client
        || (text.starts_with(b"DefaultEndpointsProtocol=")
            && memchr::memmem::find(text, b"AccountKey=").is_some())
}

/// Address of a hook that needs nothing else to be called (Slack, Discord).
pub(super) fn is_hook(text: &[u8]) -> bool {
    const HOOKS: &[&[u8]] = &[
        b"https://hooks.slack.com/services/T",
        b"https://discord.com/api/webhooks/",
        b"https://discordapp.com/api/webhooks/",
    ];
    HOOKS.iter().any(|hook| text.len() > hook.len() + 24 && text.starts_with(hook))
}

/// A private key in PEM (RFC 7468 sections 10 and 11, and the older forms), or the start of one.
pub(super) fn is_private_key(text: &[u8]) -> bool {
    let Some(rest) = text.trim_ascii_start().strip_prefix(b"-----BEGIN ") else { return false };
    let label = &rest[..rest.len().min(48)];
    let end = memchr::memmem::find(label, b"-----").unwrap_or(0);
    memchr::memmem::find(&label[..end], b"PRIVATE KEY").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples are put together here, so that no scanner takes this file for a leak.
    fn made(prefix: &str, length: usize) -> String {
        let body = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6".repeat(4);
        format!("{prefix}{}", &body[..length])
    }

    fn hex(prefix: &str, length: usize) -> String {
        format!("{prefix}{}", &"0123456789abcdef".repeat(8)[..length])
    }

    #[test]
    fn secrets_of_providers() {
        let upper = |prefix: &str, length: usize| made(prefix, length).to_uppercase();
        let secrets = [
            upper("AKIA", 16),
            made("ghp_", 36),
            made("github_pat_", 82),
            made("glpat-", 20),
            made("xoxb-", 40),
            made("sk_live_", 24),
            made("AIza", 35),
            format!("{}.{}", made("SG.", 22), made("", 43)),
            hex("SK", 32),
            made("npm_", 36),
            made("pypi-AgEIcHlwaS5vcmc", 60),
            made("sk-ant-api03-", 80),
            made("sk-proj-", 48),
            made("sk-", 48),
            hex("dop_v1_", 64),
            hex("key-", 32),
            hex("shpat_", 32),
            made("sq0csp-", 43),
            made("123456789:", 35),
            format!("{}.{}.{}", made("M", 23), made("", 6), made("", 38)),
            format!("abc8Q~{}", made("", 34)),
            made("hf_", 34),
        ];
        for secret in &secrets {
            assert!(is_secret(secret.as_bytes()), "{secret}");
        }
        for other in [
            made("ghp_", 35),
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".to_owned(),
            made("AKIA", 16),
            "sk-the-quick-brown-fox-jumps-over-the-lazy-dog".to_owned(),
            "key-0123456789abcdef0123456789abcdeg".to_owned(),
            hex("", 40),
            hex("", 64),
            made("pk_live_", 24),
            made("", 43),
            "SKU-0001234567890123".to_owned(),
            "12:30:45".to_owned(),
            String::new(),
        ] {
            assert!(!is_secret(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_is_a_secret_may_begin_so() {
        for form in FORMS {
            let text = format!("{}{}", form.0, "a1B2c3D4e5F6".repeat(4));
            assert!(may_begin(text.as_bytes()), "{}", form.0);
        }
        assert!(!may_begin(b"Item number 7 of this rather long order") && !may_begin(b"ghp_"));
    }

    #[test]
    fn private_keys_and_hooks() {
        for label in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
        ] {
            assert!(is_private_key(format!("-----BEGIN {label}-----\\nMIIE").as_bytes()), "{label}");
        }
        for label in ["PUBLIC KEY", "CERTIFICATE"] {
            assert!(!is_private_key(format!("-----BEGIN {label}-----\nMIIE").as_bytes()), "{label}");
        }
        let hook = format!("https://hooks.slack.com/services/T0{}", made("", 30));
        assert!(is_hook(hook.as_bytes()) && !is_hook(b"https://hooks.slack.com/services/T"));
    }
}
