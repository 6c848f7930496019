//! States of findings through rows of evaluations, and suppression files.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sensor::call::{Credential, Method, Place};
use sensor::findings::suppress::{Suppressions, suppress};
use sensor::findings::{
    Acknowledgement, Edge, Finding, Fingerprint, Level, Reason, Settings, State, StateKind, Subject, apply,
    reconcile,
};
use sensor::flow::Timestamp;
use sensor::inventory::{FieldKey, Seen};

use super::findings_fixture::{DAY, HOUR, NOW};

fn finding(service: &str, last: Timestamp) -> Finding {
    Finding {
        rule: "verbose-errors",
        level: Level::Warning,
        subject: Subject {
            service: service.into(),
            endpoint: Some((Method("GET"), "/internal/items/{itemId}".to_owned())),
            field: Some(FieldKey { place: Place::ResponseBody, name: "/owner/email".into() }),
            of: None,
        },
        message: "2 calls".to_owned(),
        calls: 2,
        seen: Seen { first: Timestamp(1), last },
        edges: vec![Edge { caller: "curl".to_owned(), credential: Credential::None, calls: 2 }],
        specified: None,
    }
}

type States = BTreeMap<Fingerprint, State>;

/// One evaluation: what changed, by kind and reason.
fn step(states: &mut States, found: &[Finding], now: Timestamp, whole: bool) -> Vec<(StateKind, Reason)> {
    let settings = Settings::default_at(now);
    let transitions = reconcile(states, found, &settings, |_| whole);
    apply(states, found, &transitions, now);
    assert_eq!(reconcile(states, found, &settings, |_| whole), [], "the same again");
    transitions.into_iter().map(|transition| (transition.to, transition.reason)).collect()
}

fn acknowledge(states: &mut States, finding: &Finding, until: Option<Timestamp>) {
    let state = states.get_mut(&Fingerprint::of(finding)).expect("it was found");
    state.kind = StateKind::Acknowledged;
    state.acknowledged = Some(Acknowledgement { by: "ops".into(), until, why: "known".into() });
}

#[test]
fn the_life_of_a_finding() {
    let mut states = States::new();
    let after = |hours: u64| Timestamp(NOW.0 + hours * HOUR);
    let found = [finding("shop", NOW)];
    assert_eq!(step(&mut states, &found, after(0), true), [(StateKind::Open, Reason::Found)]);
    assert_eq!(step(&mut states, &found, after(1), true), []);
    // Nothing is said of what was not looked at.
    assert_eq!(step(&mut states, &[], after(2), false), []);
    assert_eq!(step(&mut states, &[], after(3), true), [(StateKind::Resolved, Reason::Gone)]);
    assert_eq!(step(&mut states, &found, after(4), false), [(StateKind::Reopened, Reason::FoundAgain)]);
    acknowledge(&mut states, &found[0], Some(after(10)));
    assert_eq!(step(&mut states, &found, after(9), true), []);
    // It comes and goes while it is known.
    assert_eq!(step(&mut states, &[], after(9), true), [(StateKind::Resolved, Reason::Gone)]);
    assert_eq!(step(&mut states, &found, after(9), true), [(StateKind::Acknowledged, Reason::FoundAgain)]);
    assert_eq!(
        step(&mut states, &found, after(10), true),
        [(StateKind::Reopened, Reason::AcknowledgementOver)]
    );
    let state = &states[&Fingerprint::of(&found[0])];
    assert_eq!((state.since, &state.acknowledged), (after(10), &None));
    assert_eq!(state.found, Seen { first: after(0), last: after(10) });
    assert_eq!(state.shown, Seen { first: Timestamp(1), last: NOW });
    // Nobody mended it: it only is long ago.
    let late = Timestamp(NOW.0 + 31 * DAY);
    assert_eq!(step(&mut states, &[], late, true), [(StateKind::Resolved, Reason::OutOfWindow)]);
    acknowledge(&mut states, &found[0], None);
    assert_eq!(step(&mut states, &found, late, true), []);
}

#[test]
fn what_no_call_shows_is_mended_when_it_is_gone() {
    let mut states = States::new();
    let orphan = Finding { seen: Seen::default(), calls: 0, ..finding("shop", NOW) };
    assert_eq!(step(&mut states, &[orphan], NOW, true), [(StateKind::Open, Reason::Found)]);
    let late = Timestamp(NOW.0 + 99 * DAY);
    assert_eq!(step(&mut states, &[], late, true), [(StateKind::Resolved, Reason::Gone)]);
}

proptest! {
    #[test]
    fn states_follow_any_row_of_evaluations(
        steps in proptest::collection::vec((0u8..16, any::<bool>(), 0u8..5, 0u64..40 * 24), 1..12),
    ) {
        let mut states = States::new();
        let mut now = NOW;
        let all: Vec<Finding> = ["a", "b", "c", "d"].map(|name| finding(name, NOW)).into();
        for (bits, whole, acknowledged, hours) in steps {
            now = Timestamp(now.0 + hours * HOUR);
            let found: Vec<Finding> = (all.iter().enumerate())
                .filter(|(at, _)| bits & 1 << at != 0)
                .map(|(_, finding)| finding.clone())
                .collect();
            let before = states.clone();
            let mut turned = found.clone();
            turned.reverse();
            let settings = Settings::default_at(now);
            let transitions = reconcile(&states, &found, &settings, |_| whole);
            prop_assert_eq!(&transitions, &reconcile(&states, &turned, &settings, |_| whole));
            step(&mut states, &found, now, whole);
            let there: BTreeSet<Fingerprint> = found.iter().map(Fingerprint::of).collect();
            for (fingerprint, state) in &states {
                let known = before.get(fingerprint);
                if there.contains(fingerprint) {
                    prop_assert_ne!(state.kind, StateKind::Resolved);
                    prop_assert_eq!(state.found.last, now);
                    prop_assert_eq!(state.kind == StateKind::Acknowledged, state.is_acknowledged(now));
                } else if whole {
                    prop_assert_eq!(state.kind, StateKind::Resolved);
                } else {
                    prop_assert_eq!(Some(state), known);
                }
                // Each change is told once, with what was before.
                let told: Vec<_> = transitions.iter().filter(|told| told.fingerprint == *fingerprint).collect();
                prop_assert_eq!(told.len(), usize::from(known.map(|known| known.kind) != Some(state.kind)));
                prop_assert!(told.iter().all(|told| told.from == known.map(|known| known.kind) && told.to == state.kind));
            }
            if let Some(finding) = found.get(usize::from(acknowledged)) {
                acknowledge(&mut states, finding, (hours % 2 == 0).then(|| Timestamp(now.0 + 20 * HOUR)));
            }
        }
    }
}

#[test]
fn suppressions_cover_what_they_say() {
    let known = finding("shop:8080", NOW);
    let entry = |keys: &str| {
        let keys = keys.replace(", ", "\n  ");
        Suppressions::read(&format!("# known\n- {keys}\n  why: OPS-17\n")).expect("a file")
    };
    for fits in [
        "rule: verbose-errors",
        "rule: verbose-*, service: shop:*, method: GET, path: /internal/*",
        "field: '*/email'",
        "field: response-body/owner/email",
        "caller: cu*",
        "service: '*', until: 2999-01-01, by: ops",
    ] {
        let all = entry(fits);
        assert_eq!(
            suppress(&all, &known, NOW).map(|entry| (entry.line, &*entry.why)),
            Some((2, "OPS-17")),
            "{fits}"
        );
        assert_eq!(all.warnings(NOW), [""; 0]);
    }
    for other in [
        "rule: blind-*",
        "service: shop",
        "method: POST",
        "path: /internal",
        "field: email",
        "field: request-body/owner/email",
        "caller: wget",
        "rule: verbose-errors, service: other",
    ] {
        assert_eq!(suppress(&entry(other), &known, NOW), None, "{other}");
    }
    // Of five callers others may not be listed.
    let edges = vec![known.edges[0].clone(); 5];
    let many = Finding { edges, ..known.clone() };
    assert_eq!(suppress(&entry("caller: curl"), &many, NOW), None);
    // Of a finding without an endpoint a pattern of paths says nothing.
    let whole =
        Finding { subject: Subject { service: "shop".into(), ..Subject::default() }, ..known.clone() };
    assert_eq!(suppress(&entry("path: '*'"), &whole, NOW), None);
}

#[test]
fn suppressions_run_out() {
    let known = finding("shop", NOW);
    // 2025-04-11, NOW, begins with the hour 0 in UTC.
    let all = Suppressions::read("- {service: shop, until: 2025-04-10, why: old}\n- {service: x, why: y}")
        .expect("a file");
    let before = Timestamp(NOW.0 - 1);
    assert!(suppress(&all, &known, before).is_some() && all.warnings(before).is_empty());
    assert_eq!(suppress(&all, &known, NOW), None);
    assert_eq!(all.warnings(NOW), ["line 1: this suppression has run out and suppresses nothing (old)"]);
    let all = Suppressions::read(r#"[{"service": "shop", "until": "2025-04-11T00:00:01Z", "why": "json"}]"#)
        .expect("JSON");
    assert!(suppress(&all, &known, NOW).is_some());
    assert_eq!(suppress(&all, &known, Timestamp(NOW.0 + 1_000_000_000)), None);
    assert_eq!(Suppressions::read("").expect("nothing").iter().count(), 0);
}

#[test]
fn faults_name_their_line() {
    for (text, fault) in [
        ("- service: shop", "line 1: `why` is missing"),
        ("- why: because", "line 1: this would suppress everything"),
        ("\n- why: a\n  rule: verbos-errors", "line 3: there is no rule `verbos-errors`"),
        ("- why: a\n  method: get", "line 2: `get` is no method"),
        ("- why: a\n  rule: '*'\n  until: tomorrow", "line 3: `tomorrow` is no day or time"),
        ("- why: a\n  rules: '*'", "line 2: unknown key `rules`"),
        ("- why: a\n  why: b", "line 2: `why` stands twice"),
        ("- why: a\n  path:", "line 2: `path` is empty"),
        ("- why: [a]", "line 1: `why` needs a text, and there is a list"),
        ("why: a", "line 1: there is a map and no list of entries"),
        ("- a", "line 1: there is a text and no entry"),
        ("- why: 'a", "line"),
    ] {
        let found = Suppressions::read(text).expect_err(text).to_string();
        assert!(found.starts_with(fault), "{text:?}: {found}");
    }
}
