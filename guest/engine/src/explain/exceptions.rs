//! The exceptions of a series: what each changes, who made it, and which replicas have it.

use serde_json::{Map, Value};

use super::text::moment;
use super::{Exception, Kind, Known, Origin};
use crate::event::{Document, is_excluded};
use crate::recurrence;
use crate::time::{Duration, LocalDateTime};

/// Every exception of a document, by recurrence id.
pub(super) fn of(document: &Document, known: &[Known]) -> Vec<Exception> {
    let Some(overrides) = document.overrides() else { return Vec::new() };
    let exceptions = overrides.iter().map(|(recurrence_id, patch)| {
        let by_rule = recurrence::contains(document.value(), recurrence_id).unwrap_or(true);
        let (kind, what) = describe(document, patch, by_rule);
        Exception {
            recurrence_id: recurrence_id.clone(),
            kind,
            what,
            origin: origin(recurrence_id, known),
            waiting: waiting(recurrence_id, known),
        }
    });
    exceptions.collect()
}

fn describe(document: &Document, patch: &Value, by_rule: bool) -> (Kind, String) {
    if is_excluded(patch) {
        return (Kind::Cancelled, "cancelled".into());
    }
    let none = Map::new();
    let patch = patch.as_object().unwrap_or(&none);
    let all_day = document.is_without_time();
    let start = patch.get("start").and_then(Value::as_str).and_then(LocalDateTime::parse);
    let mut said = Vec::new();
    if !by_rule {
        said.push("an additional date".to_owned());
    }
    if let Some(start) = start {
        said.push(format!("moved to {}", moment(start.0, all_day)));
    }
    if let Some(length) = patch.get("duration").and_then(Value::as_str).and_then(Duration::parse) {
        said.push(format!("length {length}"));
    }
    let mut names: Vec<&str> = patch.keys().map(|path| path.split('/').next().unwrap_or(path)).collect();
    names.retain(|name| !matches!(*name, "start" | "duration"));
    names.dedup();
    if !names.is_empty() {
        said.push(format!("changed {}", names.join(", ")));
    }
    let kind = match (by_rule, start) {
        (false, _) => Kind::Added,
        (true, Some(_)) => Kind::Moved,
        (true, None) => Kind::Changed,
    };
    let what = if said.is_empty() { "as its series".to_owned() } else { said.join(", ") };
    (kind, what)
}

fn origin(recurrence_id: &str, known: &[Known]) -> Origin {
    let made = |known: &&Known| known.notes.instances.get(recurrence_id).is_some_and(|instance| !instance.ours);
    if let Some(known) = known.iter().find(made) {
        return Origin::Replica(known.replica.clone());
    }
    let here = |known: &Known| known.notes.instances.contains_key(recurrence_id);
    let named = |known: &&Known| {
        let lines = &known.notes.lines;
        lines.excluded.iter().chain(&lines.added).any(|id| id == recurrence_id)
    };
    match known.iter().find(named) {
        Some(by) if !known.iter().any(here) => Origin::Series(by.replica.clone()),
        _ => Origin::Application,
    }
}

/// Replicas where this exception, as they may show it, is not what both sides agreed on.
fn waiting(recurrence_id: &str, known: &[Known]) -> Vec<String> {
    let of = |document: &Document| document.overrides().and_then(|all| all.get(recurrence_id)).cloned();
    let has = |known: &Known| of(&known.agreed) == of(&known.shown);
    known.iter().filter(|known| known.is_live() && !has(known)).map(|known| known.replica.clone()).collect()
}
