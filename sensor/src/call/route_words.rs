//! Words that people said are of routes, with the paths that they stand in: the reader keeps them in
//! clear from the first call on, there and nowhere else. Nothing else of what was said is known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;

/// Services whose rules are remembered.
const SERVICES_REMEMBERED_MAX: usize = 4096;

/// Words by the paths that they stand in.
#[derive(Clone, Debug, Default)]
pub struct RouteWords {
    steps: Vec<Step>,
    /// Patterns of services, with the root of what was said of them.
    roots: Vec<(Vec<String>, u32)>,
    services: HashMap<u64, Places>,
}

#[derive(Clone, Debug, Default)]
struct Step {
    words: BTreeMap<Arc<str>, u32>,
    any: Option<u32>,
}

/// Steps that fit the segments so far.
pub(super) type Places = SmallVec<[u32; 4]>;

impl RouteWords {
    /// Adds paths, segment by segment a word or, as `None`, anything, at services of those patterns.
    pub fn add<'a, Path>(&mut self, services: &[String], paths: impl Iterator<Item = Path>)
    where
        Path: Iterator<Item = Option<&'a str>>,
    {
        let root = self.new_step();
        self.roots.push((services.to_vec(), root));
        for path in paths {
            let mut at = root;
            for segment in path {
                at = match segment {
                    Some(word) => match self.steps[at as usize].words.get(word) {
                        Some(&next) => next,
                        None => {
                            let next = self.new_step();
                            self.steps[at as usize].words.insert(word.into(), next);
                            next
                        }
                    },
                    None => match self.steps[at as usize].any {
                        Some(next) => next,
                        None => {
                            let next = self.new_step();
                            self.steps[at as usize].any = Some(next);
                            next
                        }
                    },
                };
            }
        }
    }

    fn new_step(&mut self) -> u32 {
        self.steps.push(Step::default());
        (self.steps.len() - 1) as u32
    }

    /// Where paths of a service begin, by a hash of its name.
    pub(super) fn start(&mut self, hash: u64, service: &str) -> Places {
        if self.roots.is_empty() {
            return Places::new();
        }
        if let Some(known) = self.services.get(&hash) {
            return known.clone();
        }
        let of_service = |(patterns, _): &&(Vec<String>, u32)| patterns.iter().any(|p| fits(p, service));
        let roots: Places = self.roots.iter().filter(of_service).map(|(_, root)| *root).collect();
        if self.services.len() >= SERVICES_REMEMBERED_MAX {
            self.services.clear();
        }
        self.services.insert(hash, roots.clone());
        roots
    }

    /// Goes on behind one segment; its text if it was said to be a word here.
    pub(super) fn next(&self, at: &mut Places, text: &[u8]) -> Option<Arc<str>> {
        if at.is_empty() {
            return None;
        }
        let text = std::str::from_utf8(text).ok();
        let mut word = None;
        let mut next = Places::new();
        for step in at.iter().map(|&at| &self.steps[at as usize]) {
            if let Some((known, behind)) = text.and_then(|text| step.words.get_key_value(text)) {
                word.get_or_insert_with(|| known.clone());
                next.push(*behind);
            }
            next.extend(step.any);
        }
        *at = next;
        word
    }
}

/// A pattern with `*` for any characters fits a service's name.
pub(crate) fn fits(pattern: &str, service: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| service.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_where_they_were_said() {
        let mut words = RouteWords::default();
        words.add(
            &["shop".to_owned()],
            [vec![Some("queens"), Some("wilhelmina")]].into_iter().map(Vec::into_iter),
        );
        words.add(&["*".to_owned()], [vec![None, Some("edit")]].into_iter().map(Vec::into_iter));
        let mut read = |service: &str, path: &str| -> Vec<bool> {
            let mut at = words.start(service.len() as u64, service);
            path.split('/').map(|segment| words.next(&mut at, segment.as_bytes()).is_some()).collect()
        };
        assert_eq!(read("shop", "queens/wilhelmina"), [true, true]);
        assert_eq!(read("shop", "users/wilhelmina"), [false, false]);
        assert_eq!(read("other", "queens/wilhelmina"), [false, false]);
        assert_eq!(read("other", "queens/edit/edit"), [false, true, false]);
        assert_eq!(read("shop", "queens/edit"), [true, true]);
    }

    #[test]
    fn patterns_of_services() {
        for (pattern, service, yes) in [
            ("*", "a:80", true),
            ("a:80", "a:80", true),
            ("a", "a:80", false),
            ("a*", "a:80", true),
            ("*.shop", "x.shop", true),
            ("*.shop", "shop", false),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*b*", "abc", true),
        ] {
            assert_eq!(fits(pattern, service), yes, "{pattern} {service}");
        }
    }
}
