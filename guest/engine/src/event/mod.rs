//! A JSCalendar Event (RFC 8984) as the engine handles it: a JSON object whose text form is canonical.
//!
//! Keys are sorted, so two equal documents have equal texts: equality of texts is what tells an echo from a change.
//! Bookkeeping that moves by itself (`updated`, `sequence`, `created`, `prodId`) is not part of a document.

pub mod check;
pub mod keys;
pub mod merge;
pub mod patch;

use std::sync::{Arc, LazyLock, OnceLock};

use serde_json::{Map, Value};

/// Properties that are never part of a document: providers move them without anybody having edited anything.
const BOOKKEEPING: [&str; 5] = ["updated", "created", "sequence", "prodId", "method"];

/// A JSCalendar Event without bookkeeping properties. Copies share what they hold until one of them is changed: one
/// event is looked at as remote side, local side and base, and mostly they are the same.
#[derive(Debug, Clone)]
pub struct Document(Arc<Held>);

#[derive(Debug)]
struct Held {
    value: Value,
    /// The canonical text, once somebody asked for it.
    text: OnceLock<String>,
}

impl Clone for Held {
    /// A copy that is about to be changed: the text would be wrong.
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), text: OnceLock::new() }
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self(Arc::new(Held { value, text: OnceLock::new() }))
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl Eq for Document {}

/// What a document without any property holds.
static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Default for Document {
    fn default() -> Self {
        Value::Object(Map::new()).into()
    }
}

/// The text is not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document is not a JSON object")]
pub struct NotAnObject;

impl Document {
    /// A document of these properties; bookkeeping is dropped.
    #[must_use]
    pub fn new(mut properties: Map<String, Value>) -> Self {
        for name in BOOKKEEPING {
            properties.remove(name);
        }
        properties.insert("@type".into(), "Event".into());
        Value::Object(properties).into()
    }

    /// A document whose properties are known to be clean: made by this crate.
    pub(crate) fn from_clean(properties: Map<String, Value>) -> Self {
        Value::Object(properties).into()
    }

    /// Read a text.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub fn parse(text: &str) -> Result<Self, NotAnObject> {
        serde_json::from_str(text).map(Self::new).map_err(|_| NotAnObject)
    }

    /// The canonical text. Made once.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text.get_or_init(|| serde_json::to_string(&self.0.value).unwrap_or_default())
    }

    /// All properties.
    #[must_use]
    pub fn properties(&self) -> &Map<String, Value> {
        self.0.value.as_object().unwrap_or(&NOTHING)
    }

    /// The document as a JSON value: always an object.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0.value
    }

    /// A property.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.value.get(name)
    }

    /// A property that is a string.
    #[must_use]
    pub fn str(&self, name: &str) -> Option<&str> {
        self.0.value.get(name)?.as_str()
    }

    /// A property that is an object.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.value.get(name)?.as_object()
    }

    /// Set a property; `None` removes it.
    pub fn set(&mut self, name: &str, value: Option<Value>) {
        let held = Arc::make_mut(&mut self.0);
        held.text.take();
        let Value::Object(properties) = &mut held.value else { return };
        match value {
            Some(value) => drop(properties.insert(name.to_owned(), value)),
            None => drop(properties.remove(name)),
        }
    }

    /// The uid; empty when there is none.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.str("uid").unwrap_or_default()
    }

    /// Give it another uid.
    pub fn set_uid(&mut self, uid: &str) {
        if self.uid() != uid {
            self.set("uid", Some(uid.into()));
        }
    }

    /// True when it stands for whole days (`showWithoutTime`).
    #[must_use]
    pub fn is_without_time(&self) -> bool {
        self.0.value.get("showWithoutTime") == Some(&Value::Bool(true))
    }

    /// True when it has an own set of occurrences.
    #[must_use]
    pub fn is_recurring(&self) -> bool {
        let filled = |name| match self.0.value.get(name) {
            Some(Value::Array(rules)) => !rules.is_empty(),
            Some(Value::Object(overrides)) => !overrides.is_empty(),
            _ => false,
        };
        filled("recurrenceRules") || filled("recurrenceOverrides")
    }

    /// The overrides of a series, by recurrence id.
    #[must_use]
    pub fn overrides(&self) -> Option<&Map<String, Value>> {
        self.object("recurrenceOverrides")
    }

    /// Replace the overrides; an empty set removes the property.
    pub fn set_overrides(&mut self, overrides: Map<String, Value>) {
        let value = (!overrides.is_empty()).then_some(Value::Object(overrides));
        self.set("recurrenceOverrides", value);
    }
}

/// True when an override takes its occurrence out of the series.
#[must_use]
pub fn is_excluded(patch: &Value) -> bool {
    patch.get("excluded") == Some(&Value::Bool(true))
}
