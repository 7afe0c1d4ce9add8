//! The JSON of Google Calendar API v3, as far as Tandem reads it. Source: the API's discovery document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// `Events`: a page of `events.list`. Items stay raw text when one of them does not fit [`Event`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Events<Item> {
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<Item>,
    pub(super) next_page_token: Option<String>,
    pub(super) next_sync_token: Option<String>,
    pub(super) access_role: Option<String>,
    pub(super) time_zone: Option<String>,
}

/// An item of which nothing is known yet.
pub(super) type RawItem<'a> = &'a RawValue;

/// `Event`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) color_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<EventDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<EventDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recurrence: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recurring_event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) original_start_time: Option<EventDateTime>,
    #[serde(rename = "iCalUID", skip_serializing_if = "Option::is_none")]
    pub(super) ical_uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transparency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) visibility: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organizer: Option<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attendees: Option<Vec<Attendee>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reminders: Option<Reminders>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extended_properties: Option<ExtendedProperties>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hangout_link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guests_can_modify: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guests_can_invite_others: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guests_can_see_other_guests: Option<bool>,
}

/// `EventDateTime`: `date` for events without a time, else `dateTime`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventDateTime {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_zone: Option<String>,
}

/// The organizer.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
}

/// `EventAttendee`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attendee {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) optional: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organizer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_guests: Option<u32>,
}

/// `Event.reminders`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reminders {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) use_default: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) overrides: Option<Vec<Reminder>>,
}

/// `EventReminder`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct Reminder {
    pub(super) method: String,
    pub(super) minutes: u32,
}

/// `Event.extendedProperties`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct ExtendedProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) private: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shared: Option<BTreeMap<String, String>>,
}

/// `Channel`: the answer of `events.watch`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Channel {
    pub(super) resource_id: String,
    /// Milliseconds since the epoch, as a string.
    pub(super) expiration: Option<String>,
}

/// The envelope of an error.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    pub(super) error: ErrorObject,
}

/// `error`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorObject {
    #[serde(default)]
    pub(super) errors: Vec<ErrorItem>,
    #[serde(default)]
    pub(super) details: Vec<ErrorDetail>,
}

/// An entry of `error.errors`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorItem {
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) domain: String,
}

/// An entry of `error.details`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorDetail {
    #[serde(default)]
    pub(super) reason: String,
}
