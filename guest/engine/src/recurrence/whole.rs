//! Overrides that change parts of a property by their path (RFC 8984 1.4.9), as overrides of the whole property: the
//! sides call the parts by keys of their own, so a path of one side means nothing to the other.

use serde_json::{Map, Value};

use super::exception::SERIES_ONLY;
use super::patch::{set, unescape};
use crate::event::Document;
use crate::limits::MAX_DOCUMENT;

/// A path in an override that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPath {
    /// Of which override.
    pub recurrence_id: String,
    /// The path: a JSON pointer without its leading slash.
    pub path: String,
}

/// The document with overrides of whole properties, and the paths that say nothing because they lead nowhere. Where it
/// would become larger than a document may be, the rest stays as it is.
#[must_use]
pub fn whole(document: &Document) -> (Document, Vec<BadPath>) {
    let (mut whole, mut bad) = (document.clone(), Vec::new());
    if !patches(document).any(has_paths) {
        return (whole, bad);
    }
    let mut overrides = document.overrides().cloned().unwrap_or_default();
    let mut left = MAX_DOCUMENT;
    for (recurrence_id, patch) in patches(document).filter(|at| has_paths(*at)) {
        let (patch, lost) = without_paths(document, patch);
        bad.extend(lost.into_iter().map(|path| BadPath { recurrence_id: recurrence_id.clone(), path }));
        left = left.saturating_sub(serde_json::to_string(&patch).map_or(0, |text| text.len()));
        overrides.insert(recurrence_id.clone(), Value::Object(patch));
        if left == 0 {
            break;
        }
    }
    whole.set_overrides(overrides);
    (whole, bad)
}

/// Paths that stand beside their own beginning, which no patch may have: which of them counts is not said.
#[must_use]
pub fn overlapping(document: &Document) -> Vec<BadPath> {
    let begins = |patch: &Map<String, Value>, path: &str| {
        path.match_indices('/').any(|(at, _)| path.get(..at).is_some_and(|beginning| patch.contains_key(beginning)))
    };
    let paths = patches(document).flat_map(|(recurrence_id, patch)| {
        let paths = patch.keys().filter(move |path| begins(patch, path));
        paths.map(|path| BadPath { recurrence_id: recurrence_id.clone(), path: path.clone() })
    });
    paths.collect()
}

/// The document before a merge patch that takes paths out of its overrides: there they say what the series says again.
#[must_use]
pub fn take_back(document: &Document, merge_patch: &Map<String, Value>) -> Document {
    let Some(changes) = merge_patch.get("recurrenceOverrides").and_then(Value::as_object) else {
        return document.clone();
    };
    let mut overrides = document.overrides().cloned().unwrap_or_default();
    for (recurrence_id, changes) in changes {
        let Some(patch) = overrides.get_mut(recurrence_id).and_then(Value::as_object_mut) else { continue };
        for path in changes.as_object().into_iter().flatten().filter(|(_, value)| value.is_null()).map(|(path, _)| path)
        {
            let Some((name, rest)) = path.split_once('/') else { continue };
            let inherited = document.get(&unescape(name));
            let usual = inherited.and_then(|property| property.pointer(&format!("/{rest}"))).unwrap_or(&Value::Null);
            if patch.get_mut(name).is_some_and(|property| set(property, rest, usual) && Some(&*property) == inherited) {
                patch.remove(name);
            }
        }
    }
    let mut before = document.clone();
    before.set_overrides(overrides);
    before
}

/// The overrides that are patches.
fn patches(document: &Document) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    document.overrides().into_iter().flatten().filter_map(|(id, patch)| Some((id, patch.as_object()?)))
}

fn has_paths((_, patch): (&String, &Map<String, Value>)) -> bool {
    patch.keys().any(|path| path.contains('/'))
}

/// A patch of whole properties that says the same, and the paths that lead nowhere.
fn without_paths(series: &Document, patch: &Map<String, Value>) -> (Map<String, Value>, Vec<String>) {
    let (paths, mut whole): (Map<_, _>, Map<_, _>) =
        patch.clone().into_iter().partition(|(path, _)| path.contains('/'));
    let mut lost = Vec::new();
    for (path, value) in paths {
        // What no override may change is left out, as RFC 8984 4.3.5 says.
        let Some((name, rest)) = path.split_once('/').filter(|(name, _)| !SERIES_ONLY.contains(name)) else { continue };
        if !whole.contains_key(name) {
            whole.extend(series.get(&unescape(name)).map(|inherited| (name.to_owned(), inherited.clone())));
        }
        if !whole.get_mut(name).is_some_and(|property| set(property, rest, &value)) {
            lost.push(path);
        }
    }
    whole.retain(|name, value| patch.contains_key(name) || series.get(&unescape(name)) != Some(value));
    (whole, lost)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    const ID: &str = "2026-03-09T09:00:00";

    fn series(patch: Value) -> Document {
        let Value::Object(properties) = json!({
            "uid": "u", "start": "2026-03-02T09:00:00", "recurrenceRules": [{"frequency": "weekly"}], "tags": ["x"],
            "locations": {"a/b": {"name": "Room"}, "c": {"name": "Hall"}}, "odd/name": {"in": 1},
            "recurrenceOverrides": {ID: patch},
        }) else {
            return Document::default();
        };
        Document::new(properties)
    }

    fn patch(document: &Document) -> Value {
        document.overrides().and_then(|all| all.get(ID)).cloned().unwrap_or_default()
    }

    /// The patch that becomes of one, and what of it leads nowhere.
    fn made(before: Value) -> (Value, Vec<String>) {
        let (document, bad) = whole(&series(before));
        (patch(&document), bad.into_iter().map(|bad| bad.path).collect())
    }

    #[test]
    fn a_path_becomes_its_property() {
        let (is, bad) = made(json!({"locations/a~1b/name": "X", "locations/c": null, "title": "t", "odd~1name/in": 2}));
        let expected = json!({"locations": {"a/b": {"name": "X"}}, "title": "t", "odd~1name": {"in": 2}});
        assert_eq!((is, bad), (expected, vec![]));
        // Beside a whole property, as a merge patch may leave it: that is what it changes.
        let (is, _) = made(json!({"locations": {"d": {"name": "D"}}, "locations/d/name": "E", "locations-x": 1}));
        assert_eq!(is, json!({"locations": {"d": {"name": "E"}}, "locations-x": 1}));
        let (is, _) = made(json!({"excluded": true, "uid/x": 1, "locations/c/name": "Hall"}));
        assert_eq!(is, json!({"excluded": true}));
    }

    #[test]
    fn a_path_that_leads_nowhere_says_nothing() {
        let nowhere = ["locations/d/name", "tags/0", "start/x", "color/x", "/title", "odd/name"];
        for path in nowhere {
            assert_eq!(made(json!({path: "x", "title": "t"})), (json!({"title": "t"}), vec![path.to_owned()]));
        }
        let (is, bad) = made(json!({"locations": null, "locations/c/name": "x"}));
        assert_eq!((is, bad.len()), (json!({"locations": null}), 1));
    }

    #[test]
    fn it_shows_the_same_occurrence() {
        let before = json!({"locations/a~1b/name": "X", "locations/d/name": "no", "tags": ["y"], "title": "t"});
        let before = series(before);
        let (after, _) = whole(&before);
        let shown = |document: &Document| {
            super::super::exception(document, ID, patch(document).as_object().unwrap_or(&Map::new()))
        };
        assert_eq!(shown(&before), shown(&after));
        assert_eq!(whole(&after), (after.clone(), vec![]));
    }

    #[test]
    fn paths_do_not_make_a_document_grow_without_end() {
        let mut document = series(json!({}));
        let long = Value::from("x".repeat(MAX_DOCUMENT / 4));
        document.set("locations", Some(json!({"c": {"description": long, "name": "Hall"}})));
        let many = (0..1_000)
            .map(|n| (format!("2026-03-09T09:{:02}:{:02}", n / 60, n % 60), json!({"locations/c/name": "x"})));
        document.set_overrides(many.collect());
        let (after, _) = whole(&document);
        assert!((MAX_DOCUMENT..4 * MAX_DOCUMENT).contains(&after.text().len()));
    }

    #[test]
    fn paths_are_told_from_their_beginnings() {
        let overlapping = |patch| overlapping(&series(patch)).len();
        assert_eq!(overlapping(json!({"locations": null, "locations/c/name": "x"})), 1);
        assert_eq!(overlapping(json!({"locations/c": {}, "locations/c/name": "x", "locations/cc": {}})), 1);
        assert_eq!(overlapping(json!({"locations/c/name": "x", "locations/d": {}, "location": 1})), 0);
    }

    #[test]
    fn a_path_taken_back_says_what_the_series_says() {
        let own = json!({"locations": {"a/b": {"name": "X", "color": "y"}, "c": {"name": "Hall"}}});
        let after = |changes: Value| {
            let merge_patch = json!({"recurrenceOverrides": {ID: changes}});
            patch(&take_back(&series(own.clone()), merge_patch.as_object().unwrap()))
        };
        let left = json!({"locations": {"a/b": {"name": "Room", "color": "y"}, "c": {"name": "Hall"}}});
        assert_eq!(after(json!({"locations/a~1b/name": null, "title/x": null, "locations/z/name": null})), left);
        assert_eq!(after(json!({"locations/a~1b/name": null, "locations/a~1b/color": null})), json!({}));
        assert_eq!(after(json!({"locations/a~1b": null, "locations/c/name": "Z"})), json!({}));
    }
}
