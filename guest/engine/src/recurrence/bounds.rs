//! COUNT and UNTIL of rules that stay as they were written otherwise.

use serde_json::Value;

use super::rule::Rule;

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
