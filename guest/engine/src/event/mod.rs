//! A JSCalendar Event (RFC 8984) as the engine handles it: a JSON object whose text form is canonical.
//!
//! Keys are sorted, so two equal documents have equal texts: equality of texts is what tells an echo from a change.
//! Bookkeeping that moves by itself (`updated`, `sequence`, `created`, `prodId`) is not part of a document.

pub mod check;
pub mod merge;
pub mod patch;

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Properties that are never part of a document: providers move them without anybody having edited anything.
const BOOKKEEPING: [&str; 5] = ["updated", "created", "sequence", "prodId", "method"];

/// A JSCalendar Event without bookkeeping properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document(Value);

/// What a document without any property holds.
static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Default for Document {
    fn default() -> Self {
        Self(Value::Object(Map::new()))
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
        Self(Value::Object(properties))
    }

    /// A document whose properties are known to be clean: made by this crate.
    pub(crate) fn from_clean(properties: Map<String, Value>) -> Self {
        Self(Value::Object(properties))
    }

    /// Read a text.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub fn parse(text: &str) -> Result<Self, NotAnObject> {
        serde_json::from_str(text).map(Self::new).map_err(|_| NotAnObject)
    }

    /// The canonical text.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// All properties.
    #[must_use]
    pub fn properties(&self) -> &Map<String, Value> {
        self.0.as_object().unwrap_or(&NOTHING)
    }

    /// The document as a JSON value: always an object.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// A property.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A property that is a string.
    #[must_use]
    pub fn str(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A property that is an object.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.get(name)?.as_object()
    }

    /// Set a property; `None` removes it.
    pub fn set(&mut self, name: &str, value: Option<Value>) {
        let Value::Object(properties) = &mut self.0 else { return };
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

    /// True when it has an own set of occurrences.
    #[must_use]
    pub fn is_recurring(&self) -> bool {
        let filled = |name| match self.0.get(name) {
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
