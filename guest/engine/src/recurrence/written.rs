//! Parts of a rule that change while the rest stays as it was written, with properties that are unknown here.

use serde_json::Value;

use super::rule::Rule;

/// COUNT and UNTIL.
pub(super) const BOUNDS: [&str; 2] = ["count", "until"];
/// The parts that name days of a start.
pub(super) const DAYS: [&str; 4] = ["byDay", "byMonthDay", "byMonth", "bySetPosition"];

/// The rule as it was written, with `parts` as `rule` has them.
pub(super) fn with_parts(written: &Value, rule: &Rule, parts: &[&str]) -> Value {
    let said = rule.to_json();
    let mut out = written.clone();
    let Some(object) = out.as_object_mut() else { return out };
    for name in parts {
        match said.get(name) {
            Some(value) => drop(object.insert((*name).to_owned(), value.clone())),
            None => drop(object.remove(*name)),
        }
    }
    out
}
