//! The laws of the merge (invariants I1 and I20), over generated events with few keys and values, so that both sides
//! often touch the same thing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use tandem_engine::event::Document;
use tandem_engine::event::merge::{Merged, Preference, Side, Versions, merge};

const TIME: [&str; 6] =
    ["start", "timeZone", "duration", "showWithoutTime", "recurrenceRules", "excludedRecurrenceRules"];

fn one_of(values: Vec<Value>) -> BoxedStrategy<Value> {
    select(values).boxed()
}

/// An object with some of these properties.
fn object(properties: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let each: Vec<_> =
        properties.into_iter().map(|(name, value)| weighted(0.7, value).prop_map(move |value| (name, value))).collect();
    each.prop_map(|all| {
        Value::Object(all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    })
    .boxed()
}

fn participant() -> BoxedStrategy<Value> {
    object(vec![
        ("name", one_of(vec![json!("Ada"), json!("Ada L.")])),
        ("sendTo", one_of(vec![json!({"imip": "mailto:ada@example.com"})])),
        ("participationStatus", one_of(vec![json!("accepted"), json!("declined"), json!("needs-action")])),
        ("roles", one_of(vec![json!({"attendee": true}), json!({"attendee": true, "owner": true})])),
    ])
}

fn exception() -> BoxedStrategy<Value> {
    let edited = object(vec![
        ("title", one_of(vec![json!("moved"), json!("other")])),
        ("start", one_of(vec![json!("2026-03-03T10:00:00"), json!("2026-03-03T11:00:00")])),
        ("duration", one_of(vec![json!("PT30M"), json!("PT2H")])),
    ]);
    prop_oneof![2 => edited, 1 => Just(json!({"excluded": true}))].boxed()
}

/// A realistic event.
fn event() -> BoxedStrategy<Document> {
    let flags = || one_of(vec![json!(true)]);
    let location = || {
        object(vec![
            ("name", one_of(vec![json!("Room 1"), json!("Room 2")])),
            ("description", one_of(vec![json!("upstairs"), json!("downstairs")])),
        ])
    };
    let alert = || one_of(vec![json!({"action": "display"}), json!({"action": "email"})]);
    let properties = vec![
        ("title", one_of(vec![json!("a"), json!("b"), json!("c")])),
        ("description", one_of(vec![json!("x"), json!("y")])),
        ("status", one_of(vec![json!("tentative"), json!("confirmed")])),
        ("start", one_of(vec![json!("2026-03-02T09:00:00"), json!("2026-03-02T10:00:00")])),
        ("timeZone", one_of(vec![json!("Europe/Berlin"), Value::Null])),
        ("duration", one_of(vec![json!("PT1H"), json!("PT2H")])),
        (
            "recurrenceRules",
            one_of(vec![json!([{"frequency": "daily"}]), json!([{"frequency": "weekly", "count": 4}])]),
        ),
        ("keywords", object(vec![("k1", flags()), ("k2", flags()), ("k3", flags())])),
        ("alerts", object(vec![("1", alert()), ("2", alert())])),
        ("locations", object(vec![("1", location()), ("2", location())])),
        ("participants", object(vec![("ada", participant()), ("bob", participant())])),
        (
            "recurrenceOverrides",
            object(vec![("2026-03-03T09:00:00", exception()), ("2026-03-04T09:00:00", exception())]),
        ),
        ("acme.com:ticket", one_of(vec![json!({"id": 1}), json!({"id": 2})])),
    ];
    object(properties).prop_map(|value| Document::new(value.as_object().unwrap().clone())).boxed()
}

fn preference() -> impl Strategy<Value = Preference> {
    (select(vec![Side::Local, Side::Remote]), any::<bool>())
        .prop_map(|(winner, edit_beats_delete)| Preference { winner, edit_beats_delete })
}

fn three_way(base: &Document, local: &Document, remote: &Document, preference: Preference) -> Merged {
    merge(Versions { local_base: base, local, remote_base: base, remote }, preference)
}

/// Every value that is not a filled object, by its path.
fn leaves(document: &Document) -> BTreeMap<Vec<String>, Value> {
    fn go(path: &mut Vec<String>, value: &Value, found: &mut BTreeMap<Vec<String>, Value>) {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                for (name, value) in inner {
                    path.push(name.clone());
                    go(path, value, found);
                    path.pop();
                }
            }
            leaf => drop(found.insert(path.clone(), leaf.clone())),
        }
    }
    let mut found = BTreeMap::new();
    go(&mut Vec::new(), document.value(), &mut found);
    found
}

/// Whether a clash record speaks of this path: the pointer is the path or above it, or of the same time group.
fn is_recorded(path: &[String], merged: &Merged) -> bool {
    merged.clashes.iter().any(|clash| {
        let at: Vec<String> =
            clash.pointer.split('/').skip(1).map(|p| p.replace("~1", "/").replace("~0", "~")).collect();
        let in_group = |at: &[String]| {
            let (last, above) = at.split_last().unwrap();
            path.starts_with(above)
                && last == "start"
                && path.get(above.len()).is_some_and(|name| TIME.contains(&name.as_str()))
        };
        path.starts_with(&at) || in_group(&at)
    })
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Local => Side::Remote,
        Side::Remote => Side::Local,
    }
}

/// Without what other people answered: the provider decides that, so it is not symmetric.
fn without_answers(document: &Document) -> Document {
    let mut text = document.value().clone();
    for participant in text["participants"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        participant.as_object_mut().unwrap().remove("participationStatus");
    }
    if text["participants"].is_null() {
        text.as_object_mut().unwrap().remove("participants");
    }
    Document::new(text.as_object().unwrap().clone())
}

fn reversed(value: &Value) -> String {
    match value {
        Value::Object(inner) => {
            let pairs: Vec<String> =
                inner.iter().rev().map(|(name, value)| format!("{}:{}", json!(name), reversed(value))).collect();
            format!("{{{}}}", pairs.join(","))
        }
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_change_on_both_sides_is_taken(base in event(), x in event(), preference in preference()) {
        let merged = three_way(&base, &x, &x, preference);
        prop_assert_eq!((merged.local, merged.remote, merged.clashes.len()), (x.clone(), x, 0));
    }

    #[test]
    fn a_change_there_is_taken_over_whole(base in event(), x in event(), preference in preference()) {
        let merged = three_way(&base, &base, &x, preference);
        prop_assert_eq!((merged.local, merged.remote, merged.clashes.len()), (x.clone(), x, 0));
    }

    #[test]
    fn a_change_here_is_written_whole(base in event(), x in event(), preference in preference()) {
        let merged = three_way(&base, &x, &base, preference);
        prop_assert_eq!((merged.local, merged.remote, merged.clashes.len()), (x.clone(), x, 0));
    }

    #[test]
    fn both_sides_end_the_same(base in event(), local in event(), remote in event(), preference in preference()) {
        let merged = three_way(&base, &local, &remote, preference);
        let (local, remote) = (without_empty_sets(&merged.local), without_empty_sets(&merged.remote));
        prop_assert_eq!(local, remote);
    }

    #[test]
    fn merging_the_outcome_again_changes_nothing(base in event(), local in event(), remote in event(), preference in preference()) {
        let first = three_way(&base, &local, &remote, preference);
        let bases = Versions { local_base: &first.local, local: &first.local, remote_base: &first.remote, remote: &first.remote };
        let again = merge(bases, preference);
        prop_assert_eq!((again.local, again.remote, again.clashes.len()), (first.local, first.remote, 0));
    }

    #[test]
    fn nothing_is_invented(
        local_base in event(), remote_base in event(), local in event(), remote in event(), preference in preference()
    ) {
        let versions = Versions { local_base: &local_base, local: &local, remote_base: &remote_base, remote: &remote };
        let merged = merge(versions, preference);
        let known = [leaves(&local), leaves(&remote)];
        for document in [&merged.local, &merged.remote] {
            for (path, value) in leaves(document) {
                let empty = value == json!({});
                prop_assert!(empty || known.iter().any(|of| of.get(&path) == Some(&value)), "{:?} = {} is new", path, value);
            }
        }
    }

    #[test]
    fn every_edit_stands_or_is_in_a_clash(base in event(), local in event(), remote in event(), preference in preference()) {
        let merged = three_way(&base, &local, &remote, preference);
        let (before, outcome) = (leaves(&base), leaves(&merged.local));
        for side in [leaves(&local), leaves(&remote)] {
            let paths = before.keys().chain(side.keys());
            for path in paths.filter(|path| before.get(*path) != side.get(*path)) {
                // That a set became empty is not an edit of its own.
                if side.get(path) == Some(&json!({})) || (!side.contains_key(path) && before.get(path) == Some(&json!({}))) {
                    continue;
                }
                let stands = outcome.get(path) == side.get(path);
                prop_assert!(stands || is_recorded(path, &merged), "the edit of {:?} is lost without a record", path);
            }
        }
    }

    #[test]
    fn where_they_clash_the_winner_stands(base in event(), local in event(), remote in event(), preference in preference()) {
        let merged = three_way(&base, &local, &remote, preference);
        for clash in &merged.clashes {
            let winner = match clash.winner { Side::Local => &local, Side::Remote => &remote };
            prop_assert_eq!(merged.local.value().pointer(&clash.pointer), winner.value().pointer(&clash.pointer));
        }
    }

    #[test]
    fn the_order_of_items_is_irrelevant(base in event(), local in event(), remote in event(), preference in preference()) {
        let turned = |document: &Document| Document::parse(&reversed(document.value())).unwrap();
        let merged = three_way(&base, &local, &remote, preference);
        let again = three_way(&turned(&base), &turned(&local), &turned(&remote), preference);
        prop_assert_eq!((merged.local.text(), merged.remote.text()), (again.local.text(), again.remote.text()));
        prop_assert_eq!(merged.clashes, again.clashes);
    }

    #[test]
    fn sides_and_winner_swapped_give_the_swapped_outcome(
        base in event(), local in event(), remote in event(), preference in preference()
    ) {
        let [base, local, remote] = [&base, &local, &remote].map(without_answers);
        let merged = three_way(&base, &local, &remote, preference);
        let swapped = three_way(&base, &remote, &local, Preference { winner: opposite(preference.winner), ..preference });
        prop_assert_eq!((merged.local, merged.remote), (swapped.remote, swapped.local));
        let clashes: Vec<_> = merged.clashes.into_iter().map(|c| (c.pointer, opposite(c.winner))).collect();
        let others: Vec<_> = swapped.clashes.into_iter().map(|c| (c.pointer, c.winner)).collect();
        prop_assert_eq!(clashes, others);
    }
}

/// An empty set says the same as none.
fn without_empty_sets(document: &Document) -> Document {
    let mut properties = document.properties().clone();
    properties.retain(|_, value| *value != json!({}));
    Document::new(properties)
}
