//! The keys of items in a set: the application chooses its own, a provider has none, so what was made from a
//! provider's answer has keys of ours. The same participant, alert or location must be one item to the merge.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Document;
use crate::time;

/// The sets whose items are told apart by what they are.
const SETS: [&str; 5] = ["participants", "alerts", "locations", "virtualLocations", "links"];

/// For each set, which key of one document is which key of another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys(BTreeMap<&'static str, BTreeMap<String, String>>);

impl Keys {
    /// Keys of `from` to keys of `to`, for items that are the same on both sides.
    #[must_use]
    pub fn between(from: &Document, to: &Document) -> Self {
        Self::default().and(from, to)
    }

    /// More keys, from another pair of documents; those that are known stay.
    #[must_use]
    pub fn and(mut self, from: &Document, to: &Document) -> Self {
        for set in SETS {
            let (Some(from), Some(to)) = (from.object(set), to.object(set)) else { continue };
            let known = self.0.entry(set).or_default();
            for (key, item) in from {
                let is = identity(set, item);
                let twins = from.values().filter(|other| is.is_some() && identity(set, other) == is).count();
                if known.contains_key(key) || twins > 1 {
                    continue;
                }
                let alone = from.len() == 1 && to.len() == 1 && set.ends_with("ocations");
                let same =
                    |other: &Value| alone || identity(set, item).is_some_and(|is| identity(set, other) == Some(is));
                let twin = to.iter().find(|(other, value)| same(value) && !known.values().any(|taken| taken == *other));
                if let Some((twin, _)) = twin {
                    known.insert(key.clone(), twin.clone());
                }
            }
        }
        self
    }

    /// The same in the other direction.
    #[must_use]
    pub fn inverted(&self) -> Self {
        let turn = |keys: &BTreeMap<String, String>| keys.iter().map(|(from, to)| (to.clone(), from.clone())).collect();
        Self(self.0.iter().map(|(set, keys)| (*set, turn(keys))).collect())
    }

    /// A document with its keys changed. A set in which two items would get one key stays as it is.
    #[must_use]
    pub fn rename(&self, document: &Document) -> Document {
        let mut renamed = document.clone();
        for (set, keys) in &self.0 {
            let Some(items) = document.object(set) else { continue };
            let named = |(key, item): (&String, &Value)| (keys.get(key).unwrap_or(key).clone(), item.clone());
            let changed: Map<String, Value> = items.iter().map(named).collect();
            if changed.len() == items.len() && changed != *items {
                renamed.set(set, Some(Value::Object(changed)));
            }
        }
        renamed
    }
}

/// A document with the keys that another one uses for the same items.
#[must_use]
pub fn align(document: &Document, like: &Document) -> Document {
    Keys::between(document, like).rename(document)
}

/// What makes an item the same on both sides.
fn identity(set: &str, item: &Value) -> Option<String> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
    match set {
        "participants" => calendar_address(item),
        "alerts" => {
            let trigger = item.get("trigger")?;
            let offset = time::SignedDuration::parse(trigger.get("offset")?.as_str()?)?;
            let action = text("action").unwrap_or_else(|| "display".into());
            let to = trigger.get("relativeTo").and_then(Value::as_str).unwrap_or("start");
            Some(format!("{action} {} {to}", offset.nominal_ms()))
        }
        "locations" => text("name"),
        "virtualLocations" => text("uri"),
        _ => text("href"),
    }
}

/// The address by which a participant is the same person everywhere: `sendTo.imip` or `email`, in lower case,
/// without `mailto:`.
#[must_use]
pub fn calendar_address(participant: &Value) -> Option<String> {
    let imip = participant.get("sendTo").and_then(|to| to.get("imip")).and_then(Value::as_str);
    let address = imip.or_else(|| participant.get("email").and_then(Value::as_str))?;
    let address = address.to_ascii_lowercase();
    Some(address.strip_prefix("mailto:").map_or(address.clone(), str::to_owned))
}
