//! COUNT and UNTIL of rules that stay as they were written otherwise.

use serde_json::Value;

use super::rule::Rule;
use crate::event::Document;
use crate::time::LocalDateTime;

/// The rule as it was written, with other bounds, so that properties unknown here stay.
pub(super) fn with_bounds(value: &Value, rule: &Rule) -> Value {
    let mut out = value.clone();
    if let Some(object) = out.as_object_mut() {
        let mut set = |name: &str, value: Option<Value>| match value {
            Some(value) => {
                object.insert(name.to_owned(), value);
            }
            None => {
                object.remove(name);
            }
        };
        set("count", rule.count.map(Value::from));
        set("until", rule.until.map(|until| Value::from(until.to_string())));
    }
    out
}

/// `changed` is `before` with another start: move the UNTIL of every rule by the same wall time, so that the series has
/// as many occurrences as before. A rule that cannot be read stays.
pub fn move_bounds(before: &Document, changed: &mut Document) {
    let start = |document: &Document| document.str("start").and_then(LocalDateTime::parse);
    let (Some(from), Some(to)) = (start(before), start(changed)) else { return };
    if from == to {
        return;
    }
    let moved = |value: &Value| {
        let Ok(mut rule) = Rule::from_json(value) else { return value.clone() };
        let until = rule.until.and_then(|until| until.0.checked_add_signed(to.0 - from.0));
        if until.is_none() {
            return value.clone();
        }
        rule.until = until.map(LocalDateTime);
        with_bounds(value, &rule)
    };
    for name in ["recurrenceRules", "excludedRecurrenceRules"] {
        let Some(rules) = changed.get(name).and_then(Value::as_array) else { continue };
        let rules = rules.iter().map(moved).collect();
        changed.set(name, Some(Value::Array(rules)));
    }
}
