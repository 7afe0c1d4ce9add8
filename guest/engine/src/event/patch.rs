//! RFC 7396 merge patches: how the application changes a document.

use serde_json::{Map, Value};

use super::Document;

/// Apply an RFC 7396 merge patch: `null` removes, objects go deep, everything else replaces.
#[must_use]
pub fn merge_patch(document: &Document, patch: &Map<String, Value>) -> Document {
    let mut properties = document.properties().clone();
    apply(&mut properties, patch);
    Document::new(properties)
}

fn apply(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            Value::Object(inner) => {
                let slot = target.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(slot) = slot {
                    apply(slot, inner);
                }
            }
            other => drop(target.insert(name.clone(), other.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn document(value: Value) -> Document {
        Document::parse(&value.to_string()).unwrap()
    }

    #[test]
    fn null_removes_and_objects_go_deep() {
        let before = document(json!({"title": "a", "locations": {"1": {"name": "x"}, "2": {"name": "y"}}}));
        let patch = json!({"title": null, "locations": {"2": null, "3": {"name": "z"}}});
        let after = merge_patch(&before, patch.as_object().unwrap());
        assert_eq!(after, document(json!({"locations": {"1": {"name": "x"}, "3": {"name": "z"}}})));
    }
}
