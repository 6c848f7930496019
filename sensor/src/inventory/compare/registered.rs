//! Header fields and cookies that no specification has to list: those of HTTP itself, of browsers,
//! proxies, tracing and meshes, and what credentials stand in (OpenAPI 3.1 section 4.8.12.1).

use crate::call::{Place, carries_credential};

/// Lower case, sorted.
const HEADERS: &[&str] = &[
    "alt-used",
    "authorization",
    "b3",
    "baggage",
    "cdn-loop",
    "cookie",
    "correlation-id",
    "dnt",
    "end-user",
    "expect",
    "forwarded",
    "from",
    "grpc-timeout",
    "host",
    "idempotency-key",
    "newrelic",
    "origin",
    "prefer",
    "priority",
    "purpose",
    "referer",
    "request-id",
    "save-data",
    "sentry-trace",
    "te",
    "traceparent",
    "tracestate",
    "true-client-ip",
    "uber-trace-id",
    "user-agent",
    "via",
    "want-digest",
    "x-client-ip",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-csrf-token",
    "x-http-method-override",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-request-start",
    "x-requested-with",
    "x-scheme",
    "x-trace-id",
    "x-transaction-id",
    "x-xsrf-token",
];

/// Beginnings of names.
const HEADER_FAMILIES: &[&str] = &[
    "accept",
    "access-control-",
    "content-",
    "cf-",
    "fastly-",
    "fly-",
    "if-",
    "sec-",
    "x-accel-",
    "x-amz-cf-",
    "x-amzn-",
    "x-arr-",
    "x-azure-",
    "x-b3-",
    "x-cloudfront-",
    "x-datadog-",
    "x-envoy-",
    "x-forwarded-",
    "x-goog-",
    "x-istio-",
    "x-newrelic-",
    "x-ot-",
    "x-vercel-",
];

/// Beginnings of names of cookies that are of trackers, proxies and protection against forgery.
const COOKIE_FAMILIES: &[&str] = &[
    "_ga",
    "_gid",
    "_gat",
    "_gcl",
    "_fbp",
    "_hj",
    "_pk_",
    "__cf",
    "__utm",
    "ajs_",
    "amp_",
    "awsalb",
    "cf_",
    "csrf",
    "xsrf",
    "_csrf",
    "mp_",
    "intercom-",
    "optimizely",
];

/// The field is one of those.
pub(super) fn is_registered(place: Place, name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let begins = |families: &[&str]| families.iter().any(|family| lower.starts_with(family));
    carries_credential(place, name)
        || match place {
            Place::RequestHeader => HEADERS.binary_search(&lower.as_str()).is_ok() || begins(HEADER_FAMILIES),
            Place::Cookie => begins(COOKIE_FAMILIES),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_description() {
        assert!(HEADERS.is_sorted());
        for name in
            ["Accept-Language", "traceparent", "x-forwarded-for", "content-type", "x-api-key", "cookie"]
        {
            assert!(is_registered(Place::RequestHeader, name), "{name}");
        }
        assert!(!is_registered(Place::RequestHeader, "x-tenant"));
        assert!(is_registered(Place::Cookie, "JSESSIONID") && !is_registered(Place::Cookie, "basket"));
        assert!(!is_registered(Place::Query, "host") && is_registered(Place::Query, "access_token"));
    }
}
