//! A row as a caller may see it.
//! Invariant: who may not see details gets none of them, in every listing and every single read.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::state::{Object, Role, Row, text};
use super::time::{moment_text, zone};

/// Members of a cancelled instance.
const INSTANCE_TOMBSTONE: [&str; 6] = ["kind", "etag", "id", "status", "recurringEventId", "originalStartTime"];
/// Members of another deleted event.
const TOMBSTONE: [&str; 4] = ["kind", "etag", "id", "status"];
/// Members that say when, and nothing about what.
const BUSY: [&str; 13] = [
    "kind",
    "etag",
    "id",
    "status",
    "start",
    "end",
    "recurrence",
    "recurringEventId",
    "originalStartTime",
    "iCalUID",
    "transparency",
    "eventType",
    "sequence",
];

/// How rows are shown to a caller.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) role: Role,
    /// Zone of the answered times, when the caller names one.
    pub(crate) zone: Option<String>,
    pub(crate) bare_tombstones: bool,
}

/// A row's text as its owner sees it: cancelled instances are bare.
pub(crate) fn stored(body: &Object) -> String {
    if text(body, "status") == "cancelled" && body.contains_key("recurringEventId") {
        return Value::Object(keep(body, &INSTANCE_TOMBSTONE)).to_string();
    }
    serde_json::to_string(body).unwrap_or_default()
}

impl View {
    /// The row as text.
    pub(crate) fn row<'a>(&self, row: &'a Row) -> Cow<'a, str> {
        if self.role.sees_private() && self.zone.is_none() && !row.is_cancelled() {
            return Cow::Borrowed(&row.text);
        }
        Cow::Owned(self.body(&row.body))
    }

    /// An event's body as text.
    pub(crate) fn body(&self, body: &Object) -> String {
        let mut shown = if text(body, "status") == "cancelled" {
            self.tombstone(body)
        } else if self.hides(body) {
            let mut busy = keep(body, &BUSY);
            busy.insert("visibility".to_owned(), Value::from("private"));
            busy
        } else {
            body.clone()
        };
        if let Some(name) = &self.zone {
            rezone(&mut shown, name);
        }
        Value::Object(shown).to_string()
    }

    /// Whether a caller sees only when an event is.
    pub(crate) fn hides(&self, body: &Object) -> bool {
        let private = matches!(text(body, "visibility"), "private" | "confidential");
        self.role == Role::FreeBusyReader || (private && !self.role.sees_private())
    }

    fn tombstone(&self, body: &Object) -> Object {
        if body.contains_key("recurringEventId") {
            return keep(body, &INSTANCE_TOMBSTONE);
        }
        let own = body.get("organizer").and_then(|who| who.get("self")) == Some(&Value::Bool(true));
        if self.bare_tombstones || !own || self.hides(body) { keep(body, &TOMBSTONE) } else { body.clone() }
    }
}

fn keep(body: &Object, members: &[&str]) -> Object {
    body.iter().filter(|(key, _)| members.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn rezone(body: &mut Object, name: &str) {
    let Some(found) = zone(name) else { return };
    for key in ["start", "end", "originalStartTime"] {
        let moment = super::time::When::stored(body, key);
        if let (Some(super::time::When::Moment(utc_s, _)), Some(Value::Object(shown))) = (moment, body.get_mut(key)) {
            shown.insert("dateTime".to_owned(), json!(moment_text(utc_s, &found)));
        }
    }
}
