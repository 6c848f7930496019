//! What people said, for one inventory: the guide of each service, and the texts of hidden words with
//! those that they named.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::guidance::{Applying, Guidance};
use super::template::Guide;
use super::{EndpointKey, Inventory};
use crate::call::WordKey;

/// By service.
pub(super) struct Said<'a> {
    guides: BTreeMap<&'a str, Guide>,
    nothing: Guide,
    learnt: &'a BTreeMap<u64, Arc<str>>,
    /// Those that were learnt and those that were recognised; `None` if nothing was said.
    words: Option<Rc<BTreeMap<u64, Arc<str>>>>,
}

impl<'a> Said<'a> {
    /// Hidden words are only recognised with the installation's key.
    pub(super) fn of(
        inventory: &'a Inventory,
        guidance: Option<&Guidance>,
        key: Option<&[u8; 16]>,
    ) -> Said<'a> {
        let mut said = Said {
            guides: BTreeMap::new(),
            nothing: Guide::default(),
            learnt: &inventory.words,
            words: None,
        };
        let Some(guidance) = guidance.filter(|guidance| !guidance.is_empty()) else { return said };
        let mut words = inventory.words.clone();
        let key = key.map(|key| WordKey::new(*key));
        // Most services have the same rules.
        let mut known: BTreeMap<Applying, Guide> = BTreeMap::new();
        for EndpointKey { service, path, .. } in inventory.endpoints.keys() {
            let guide = said.guides.entry(service).or_insert_with(|| {
                let applying = guidance.applying(service);
                let guide = known.get(&applying).cloned();
                guide.unwrap_or_else(|| {
                    let guide = Guide::of(guidance, &applying);
                    known.insert(applying, guide.clone());
                    guide
                })
            });
            if let Some(key) = &key {
                guide.recognise(service, path, key, &mut words);
            }
        }
        let words = Rc::new(words);
        said.guides.values_mut().for_each(|guide| guide.know(words.clone()));
        said.words = Some(words);
        said
    }

    /// What was said of a service.
    pub(super) fn guide(&self, service: &str) -> &Guide {
        self.guides.get(service).unwrap_or(&self.nothing)
    }

    /// Texts of hidden words.
    pub(super) fn words(&self) -> &BTreeMap<u64, Arc<str>> {
        self.words.as_deref().unwrap_or(self.learnt)
    }
}
