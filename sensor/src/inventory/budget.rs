//! How many rows one run may still add, by class: what is no endpoint has a budget of its own and
//! never takes the place of one. Says yes or no; where a refused call is counted instead is up to the
//! recorder. A row that was admitted once stays so for the whole run, so restarts of the same traffic
//! find the same rows.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::call::CallClass;
use crate::call::hash::Seed;
use crate::limits::{
    ENDPOINTS_PER_RUN_MAX, ENDPOINTS_PER_SERVICE_MAX, HEALTH_CHECKS_PER_SERVICE_MAX, MISSED_PER_SERVICE_MAX,
    NOISE_PER_RUN_MAX, PAGE_ROWS_PER_RUN_MAX, PAGE_ROWS_PER_SERVICE_MAX, PREFLIGHTS_PER_SERVICE_MAX,
    SERVICES_MAX, STATIC_FILES_PER_SERVICE_MAX,
};

/// Rows known this run, and what is left.
pub(super) struct Budget {
    seed: Seed,
    /// Hashes of the rows of this run.
    known: HashTable<u64>,
    services: HashTable<Service>,
    /// Services with endpoints; those that were only missed, probed or asked for files are others.
    found_services: usize,
    found_rows: usize,
    noise_rows: usize,
    /// Rows of endpoints by the page that they began with, per service and for all services.
    pages: HashTable<(u64, usize)>,
}

struct Service {
    name: Arc<str>,
    is_found: bool,
    rows: [usize; CallClass::ALL.len()],
}

/// A row that asks to be told apart.
pub(super) struct Application<'a> {
    /// Hash of its key.
    pub(super) hash: u64,
    pub(super) service: &'a Arc<str>,
    pub(super) class: CallClass,
    /// What its first response was.
    pub(super) page: Option<u32>,
    /// It is the row of the values at the place of what was refused: a part more than the budget.
    pub(super) is_coarse: bool,
}

impl Budget {
    pub(super) fn new(seed: Seed) -> Budget {
        Budget {
            seed,
            known: HashTable::new(),
            services: HashTable::new(),
            found_services: 0,
            found_rows: 0,
            noise_rows: 0,
            pages: HashTable::new(),
        }
    }

    /// Rows met in this run.
    pub(super) fn rows(&self) -> usize {
        self.known.len()
    }

    /// That row was admitted in this run.
    pub(super) fn knows(&self, hash: u64) -> bool {
        self.known.find(hash, |known| *known == hash).is_some()
    }

    /// Notes a row that was admitted for another reason than a budget.
    pub(super) fn note(&mut self, hash: u64) {
        self.known.entry(hash, |known| *known == hash, |known| *known).or_insert(hash);
    }

    /// The service is one of this run, or may become one. As many services again may have no endpoint:
    /// a scan of names takes no place from services that answer.
    pub(super) fn admits_service(&mut self, name: &Arc<str>, class: CallClass) -> bool {
        let seed = self.seed;
        let is_found = class == CallClass::Found;
        let room_for_found = self.found_services < SERVICES_MAX;
        let room_for_noise = self.services.len() - self.found_services < SERVICES_MAX;
        let hash = seed.bytes(0, name.as_bytes());
        if let Some(service) = self.services.find_mut(hash, |service| service.name == *name) {
            if !is_found || service.is_found {
                return true;
            }
            service.is_found = room_for_found;
            self.found_services += usize::from(room_for_found);
            return room_for_found;
        }
        let room = if is_found { room_for_found } else { room_for_noise };
        if room {
            self.found_services += usize::from(is_found);
            let service = Service { name: name.clone(), is_found, rows: Default::default() };
            self.services.insert_unique(hash, service, |service| seed.bytes(0, service.name.as_bytes()));
        }
        room
    }

    /// The row of an admitted service is one of this run, or may become one.
    pub(super) fn admits(&mut self, row: &Application) -> bool {
        if self.knows(row.hash) {
            return true;
        }
        let is_found = row.class == CallClass::Found;
        let of_run = if is_found { &self.found_rows } else { &self.noise_rows };
        let run_max = if is_found { ENDPOINTS_PER_RUN_MAX } else { NOISE_PER_RUN_MAX };
        // The values at the place of many words get a part more, so that they have a row of their own.
        let with_part = |max: usize| if row.is_coarse { max + max / 8 } else { max };
        if *of_run >= with_part(run_max) {
            return false;
        }
        let service_hash = self.seed.bytes(0, row.service.as_bytes());
        let pages = match row.page {
            Some(page) if is_found => {
                let page = u64::from(page);
                vec![
                    (self.seed.number(service_hash, page), PAGE_ROWS_PER_SERVICE_MAX),
                    (self.seed.number(1, page), PAGE_ROWS_PER_RUN_MAX),
                ]
            }
            _ => Vec::new(),
        };
        if pages.iter().any(|&(hash, max)| self.page_rows(hash) >= max) {
            return false;
        }
        let service = self.services.find_mut(service_hash, |service| service.name == *row.service);
        let Some(of_service) = service.map(|service| &mut service.rows[row.class as usize]) else {
            return false;
        };
        if *of_service >= with_part(per_service_max(row.class)) {
            return false;
        }
        *of_service += 1;
        *(if is_found { &mut self.found_rows } else { &mut self.noise_rows }) += 1;
        for (hash, _) in pages {
            let rows = self.pages.entry(hash, |page| page.0 == hash, |page| page.0).or_insert((hash, 0));
            rows.into_mut().1 += 1;
        }
        self.note(row.hash);
        true
    }

    fn page_rows(&self, hash: u64) -> usize {
        self.pages.find(hash, |page| page.0 == hash).map_or(0, |page| page.1)
    }
}

/// Rows of that class in one service.
const fn per_service_max(class: CallClass) -> usize {
    match class {
        CallClass::Found => ENDPOINTS_PER_SERVICE_MAX,
        CallClass::Missed => MISSED_PER_SERVICE_MAX,
        CallClass::StaticFile => STATIC_FILES_PER_SERVICE_MAX,
        CallClass::HealthCheck => HEALTH_CHECKS_PER_SERVICE_MAX,
        CallClass::Preflight => PREFLIGHTS_PER_SERVICE_MAX,
    }
}
