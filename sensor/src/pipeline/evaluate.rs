//! One evaluation: what a store holds becomes findings, and these bring the states in the store up to
//! date, in one transaction. The same for a command and, again and again, for a run.

use std::collections::BTreeMap;

use crate::findings::{self, Context, Finding, Fingerprint, Settings, StateKind, Unknown};
use crate::inventory::Inventory;
use crate::inventory::catalog::{Catalog, Reading};
use crate::inventory::guidance::Guidance;
use crate::inventory::spec::Specs;
use crate::store::findings::{FindingStore, Known, KnownFinding};
use crate::store::specs::SpecStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};

/// What was looked at.
#[derive(Debug)]
pub struct Looked {
    /// Sums.
    pub inventory: Inventory,
    /// As people read it.
    pub catalog: Catalog,
    /// What is specified.
    pub specs: Specs,
    /// Why the installation's key could not be had, if it was wanted: guidance about hidden words was then
    /// left out.
    pub without_key: Option<StoreError>,
}

/// What was found, and what became of that.
#[derive(Debug)]
pub struct Evaluation {
    /// What was found now.
    pub found: BTreeMap<Fingerprint, Finding>,
    /// States, of what is gone too.
    pub known: Known,
    /// Why the states could not be written: those above are then as they would be.
    pub unwritten: Option<StoreError>,
}

/// Reads what there is to look at; what was said in `guidance` wins over the specifications that are kept.
/// With `explain`, endpoints say why their paths read as they do.
///
/// # Errors
/// The store cannot be read.
pub async fn look(store: &SqliteStore, guidance: &Guidance, explain: bool) -> Result<Looked, StoreError> {
    let inventory = store.load().await?;
    let specs = Specs::of(store.load_specs().await?);
    let mut guidance = guidance.clone();
    guidance.documents.extend(specs.documents());
    let (key, without_key) = match !guidance.is_empty() && inventory.has_hidden_words() {
        true => store.key().await.map_or_else(|error| (None, Some(error)), |key| (Some(key), None)),
        false => (None, None),
    };
    let reading = Reading { guidance: Some(&guidance), key: key.as_ref(), explain };
    let catalog = Catalog::read(&inventory, reading);
    Ok(Looked { inventory, catalog, specs, without_key })
}

/// Asks all rules. With `is_whole`, what is not found any more is resolved.
///
/// # Errors
/// The store cannot be read; that it cannot be written is told in the answer.
pub async fn evaluate(
    store: &mut impl FindingStore,
    looked: &Looked,
    settings: &Settings,
    is_whole: bool,
) -> Result<Evaluation, StoreError> {
    let Looked { inventory, catalog, specs, .. } = looked;
    let context = Context { catalog, inventory, specs, settings };
    let findings = findings::evaluate(&context);
    let written = store.revise(|known| changed(known, &findings, &context, is_whole)).await;
    let (known, unwritten) = match written {
        Ok(known) => (known, None),
        Err(error) => {
            let mut known = store.known().await?;
            let changed = changed(&known, &findings, &context, is_whole);
            known.extend(changed);
            (known, Some(error))
        }
    };
    let found = findings.into_iter().map(|finding| (Fingerprint::of(&finding), finding)).collect();
    Ok(Evaluation { found, known, unwritten })
}

/// What open findings say to be unknown: those that the store keeps as open, and those that an evaluation
/// with these settings gives and nobody acknowledged. Nothing is written.
///
/// # Errors
/// The store cannot be read.
pub async fn unknown(
    store: &impl FindingStore,
    looked: &Looked,
    settings: &Settings,
) -> Result<Unknown, StoreError> {
    let Looked { inventory, catalog, specs, .. } = looked;
    let context = Context { catalog, inventory, specs, settings };
    let mut known = store.known().await?;
    // What the store has as open stays so: these settings may not be those that it was found with.
    let changed = changed(&known, &findings::evaluate(&context), &context, false);
    known.extend(changed);
    let open = known.values().filter(|finding| match finding.state.kind {
        StateKind::Open | StateKind::Reopened => true,
        StateKind::Acknowledged => !finding.state.is_acknowledged(settings.now),
        StateKind::Resolved => false,
    });
    Ok(Unknown::of(open.map(|finding| (&*finding.rule, &finding.subject))))
}

/// Findings that are new or whose state or count of evaluations changes.
fn changed(known: &Known, findings: &[Finding], context: &Context<'_>, is_whole: bool) -> Known {
    let settings = context.settings;
    let mut states: BTreeMap<_, _> =
        known.iter().map(|(fingerprint, known)| (fingerprint.clone(), known.state.clone())).collect();
    // A rule without its input found nothing because it did not look.
    let is_gone = |fingerprint: &_| {
        is_whole
            && known.get(fingerprint).is_some_and(|finding| findings::is_evaluated(&finding.rule, context))
    };
    let transitions = findings::reconcile(&states, findings, settings, is_gone);
    findings::apply(&mut states, findings, &transitions, settings.now);
    let now: BTreeMap<Fingerprint, &Finding> =
        findings.iter().map(|finding| (Fingerprint::of(finding), finding)).collect();
    let revised = states.into_iter().filter_map(|(fingerprint, state)| {
        let before = known.get(&fingerprint);
        let revised = match (now.get(&fingerprint), before) {
            (Some(finding), _) => KnownFinding {
                rule: finding.rule.to_owned(),
                level: finding.level,
                subject: finding.subject.clone(),
                message: finding.message.clone(),
                state,
            },
            (None, Some(before)) => KnownFinding { state, ..before.clone() },
            (None, None) => return None,
        };
        (before != Some(&revised)).then_some((fingerprint, revised))
    });
    revised.collect()
}
