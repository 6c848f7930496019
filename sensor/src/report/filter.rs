//! Which part of a catalog is shown. The only place where filters are applied: after templating,
//! since templates are learnt from everything.

use crate::call::Method;
use crate::findings::Subject;
use crate::flow::{Peer, Timestamp};
use crate::inventory::catalog::{Catalog, Endpoint};
use crate::inventory::noise::{Noise, Scanner};
use crate::inventory::{EndpointStats, Seen};

/// Conditions that narrow each other; the default shows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Services by name.
    pub service: Option<Glob>,
    /// Method in upper case.
    pub method: Option<String>,
    /// Path templates.
    pub path: Option<Glob>,
    /// Callers by program, address, container or cgroup. Endpoints keep the sums over all callers.
    pub caller: Option<Glob>,
    /// Endpoints and callers last seen then or later. Sums go over the whole time.
    pub since: Option<Timestamp>,
}

impl Filter {
    /// The part of the catalog that meets all conditions, in the same order.
    pub fn apply(&self, mut catalog: Catalog) -> Catalog {
        catalog.services.retain_mut(|service| {
            if self.service.as_ref().is_some_and(|glob| !glob.matches(&service.name)) {
                return false;
            }
            service.endpoints.retain_mut(|endpoint| self.keeps(endpoint));
            !service.endpoints.is_empty()
        });
        let Noise { rows, scanners } = &mut catalog.noise;
        rows.retain_mut(|row| {
            self.service.as_ref().is_none_or(|glob| glob.matches(&row.service))
                && self.keeps_row(row.method, &row.path, &mut row.stats)
        });
        scanners.retain(|scanner| self.keeps_scanner(scanner));
        catalog
    }

    /// A finding is about what is shown. Callers are not asked: a finding names some of them only.
    pub fn keeps_finding(&self, subject: &Subject, shown: Seen) -> bool {
        let endpoint = subject.endpoint.as_ref();
        let is_method = |wanted: &String| endpoint.is_some_and(|(method, _)| method.name() == wanted);
        self.service.as_ref().is_none_or(|glob| glob.matches(&subject.service))
            && self.method.as_ref().is_none_or(is_method)
            && self.path.as_ref().is_none_or(|glob| endpoint.is_some_and(|(_, path)| glob.matches(path)))
            // What no call shows is not old.
            && self.since.is_none_or(|since| shown.first > shown.last || shown.last >= since)
    }

    fn keeps_scanner(&self, scanner: &Scanner) -> bool {
        self.service.as_ref().is_none_or(|glob| scanner.services.keys().any(|name| glob.matches(name)))
            && self.caller.as_ref().is_none_or(|glob| is_named(&scanner.peer, glob))
            && self.since.is_none_or(|since| scanner.seen.last >= since)
    }

    fn keeps(&self, endpoint: &mut Endpoint) -> bool {
        self.keeps_row(endpoint.method, &endpoint.template, &mut endpoint.stats)
    }

    fn keeps_row(&self, method: Method, template: &str, stats: &mut EndpointStats) -> bool {
        let other_method = self.method.as_ref().is_some_and(|wanted| wanted != method.name());
        let other_path = self.path.as_ref().is_some_and(|glob| !glob.matches(template));
        let too_old = self.since.is_some_and(|since| stats.seen.last < since);
        if other_method || other_path || too_old {
            return false;
        }
        stats.callers.retain(|key, caller| {
            self.since.is_none_or(|since| caller.seen.last >= since)
                && self.caller.as_ref().is_none_or(|glob| is_named(&key.peer, glob))
        });
        self.caller.is_none() || !stats.callers.is_empty()
    }
}

fn is_named(peer: &Peer, glob: &Glob) -> bool {
    glob.matches(&peer.address.to_string())
        || peer.workload.as_deref().is_some_and(|workload| {
            glob.matches(&workload.program)
                || glob.matches(&workload.cgroup)
                || workload.container.as_ref().is_some_and(|container| {
                    glob.matches(container) || (container.len() > 12 && glob.is_short_id_of(container))
                })
        })
}

/// A pattern with `*` and `**`; without them a whole name, or a path with all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
    /// No star was given: paths match what is below them too.
    is_prefix: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Literal(char),
    /// Any text without a slash.
    Segment,
    /// Any text.
    Any,
}

impl Glob {
    /// A pattern for names: a star stands for any text.
    pub fn name(pattern: &str) -> Glob {
        let parts = pattern.chars().map(|c| if c == '*' { Part::Any } else { Part::Literal(c) });
        Glob { parts: parts.collect(), is_prefix: false }
    }

    /// A pattern for path templates: `*` stays within a segment, `**` does not.
    pub fn path(pattern: &str) -> Glob {
        if !pattern.contains('*') {
            let parts = pattern.trim_end_matches('/').chars().map(Part::Literal);
            return Glob { parts: parts.collect(), is_prefix: true };
        }
        let mut parts = Vec::new();
        for c in pattern.chars() {
            match (c, parts.last_mut()) {
                ('*', Some(last @ Part::Segment)) => *last = Part::Any,
                ('*', Some(Part::Any)) => {}
                ('*', _) => parts.push(Part::Segment),
                _ => parts.push(Part::Literal(c)),
            }
        }
        Glob { parts, is_prefix: false }
    }

    /// Whether all of `text` has this form. Time is the product of the two lengths.
    pub fn matches(&self, text: &str) -> bool {
        if self.is_prefix {
            let mut rest = text.chars();
            let begins = self.parts.iter().all(|part| rest.next().map(Part::Literal) == Some(*part));
            return begins && matches!(rest.next(), None | Some('/'));
        }
        // `reached[i]`: the first `i` parts match what was read so far.
        let mut reached = vec![false; self.parts.len() + 1];
        reached[0] = true;
        self.skip_stars(&mut reached);
        for c in text.chars() {
            for i in (0..self.parts.len()).rev() {
                // From the back, so that the state before this part is still the one before `c`.
                let stays = reached[i + 1] && self.parts[i].takes_more(c);
                reached[i + 1] = stays || (reached[i] && self.parts[i] == Part::Literal(c));
            }
            reached[0] = false;
            self.skip_stars(&mut reached);
        }
        reached.last() == Some(&true)
    }

    /// Stars may stand for nothing.
    fn skip_stars(&self, reached: &mut [bool]) {
        for (i, part) in self.parts.iter().enumerate() {
            if reached[i] && !matches!(part, Part::Literal(_)) {
                reached[i + 1] = true;
            }
        }
    }

    /// Whether it is the beginning of a container id as tools show it: 12 digits or more.
    fn is_short_id_of(&self, container: &str) -> bool {
        let mut rest = container.chars();
        self.parts.len() >= 12 && self.parts.iter().all(|part| rest.next().map(Part::Literal) == Some(*part))
    }
}

impl Part {
    fn takes_more(self, c: char) -> bool {
        match self {
            Part::Literal(_) => false,
            Part::Segment => c != '/',
            Part::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_by_whole_segments_or_by_form() {
        for (pattern, text, matches) in [
            ("/users", "/users", true),
            ("/users", "/users/{userId}", true),
            ("/users/", "/users/{userId}", true),
            ("/users", "/users-old", false),
            ("/", "/users", true),
            ("/users/{userId}", "/users/{userId}/orders", true),
            ("/users/*", "/users/{userId}", true),
            ("/users/*", "/users/{userId}/orders", false),
            ("/users/**", "/users/{userId}/orders", true),
            ("/*/orders", "/users/orders", true),
            ("**/orders", "/users/{userId}/orders", true),
            ("/u*s", "/users", true),
            ("/u*s", "/user", false),
            ("**", "/", true),
        ] {
            assert_eq!(Glob::path(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn names_match_whole_or_by_stars() {
        for (pattern, text, matches) in [
            ("curl", "curl", true),
            ("curl", "curl7", false),
            ("api.*", "api.example:80", true),
            ("*:8080", "10.0.0.1:8080", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("/sys*", "/system.slice/a.service", true),
            ("", "", true),
        ] {
            assert_eq!(Glob::name(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_container_is_found_by_its_short_id() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        assert!(Glob::name("0123456789ab").is_short_id_of(id));
        assert!(!Glob::name("0123").is_short_id_of(id));
        assert!(!Glob::name("f123456789ab").is_short_id_of(id));
    }
}
