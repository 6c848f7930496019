//! Templates as rules read them: words, versions, names of fields. Segments that are parameters or
//! still hidden have no words.

use std::sync::Arc;

/// Words of a template from left to right, in lower case.
pub(super) fn words(template: &str) -> Vec<String> {
    let is_word = |segment: &&str| !segment.is_empty() && !segment.starts_with(['{', '~']);
    template.split('/').filter(is_word).map(str::to_ascii_lowercase).collect()
}

/// Everything up to the last segment: endpoints with the same are siblings.
pub(super) fn parent(template: &str) -> &str {
    template.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Version of a segment: `v1`, `v2.1`.
pub(super) fn version(segment: &str) -> Option<(u32, u32)> {
    let rest = segment.strip_prefix(['v', 'V'])?;
    let (major, minor) = rest.split_once('.').unwrap_or((rest, "0"));
    let number = |text: &str| {
        let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    Some((number(major)?, number(minor)?))
}

/// A template without its version and without names of parameters, and its version as it stands there.
pub(super) fn unversioned(template: &str) -> Option<(String, (u32, u32), &str)> {
    let mut found = None;
    let mut route = String::new();
    for segment in template.split('/').skip(1) {
        route.push('/');
        match version(segment) {
            Some(version) if found.is_none() => {
                found = Some((version, segment));
                route.push_str("{version}");
            }
            _ if segment.starts_with('{') => route.push_str("{}"),
            _ => route.push_str(segment),
        }
    }
    found.map(|(version, segment)| (route, version, segment))
}

/// The last word of a field's name or pointer: `/items/*/price` -> `price`.
pub(super) fn member(name: &Arc<str>) -> &str {
    name.rsplit('/').find(|part| *part != "*").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_templates() {
        assert_eq!(words("/Admin/{userId}/~12ab/x"), ["admin", "x"]);
        assert_eq!((parent("/a/{b}"), parent("/a"), parent("/")), ("/a", "", ""));
        assert_eq!(
            (version("v1"), version("V2.10"), version("v"), version("v1beta")),
            (Some((1, 0)), Some((2, 10)), None, None)
        );
        assert_eq!(
            unversioned("/api/v2/users/{userId}"),
            Some(("/api/{version}/users/{}".into(), (2, 0), "v2"))
        );
        assert_eq!(unversioned("/users"), None);
        assert_eq!(
            (member(&"/items/*/price".into()), member(&"/tags/*".into()), member(&"".into())),
            ("price", "tags", "")
        );
    }
}
