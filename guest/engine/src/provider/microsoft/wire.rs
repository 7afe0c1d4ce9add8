//! The JSON of Microsoft Graph v1.0, as far as Tandem reads it. Source: the reference of the `event` resource.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A page of a delta or of a list. Items stay raw text when one of them does not fit [`Event`].
#[derive(Debug, Deserialize)]
pub(super) struct Events<Item> {
    pub(super) value: Vec<Item>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    pub(super) delta_link: Option<String>,
}

/// An item of which nothing is known yet.
pub(super) type RawItem<'a> = &'a RawValue;

/// `event`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(rename = "@odata.etag", skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    #[serde(rename = "@removed", skip_serializing)]
    pub(super) removed: Option<serde_json::Value>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) series_master_id: Option<String>,
    #[serde(rename = "iCalUId", skip_serializing_if = "Option::is_none")]
    pub(super) ical_uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transaction_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_modified_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) original_start_time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) original_end_time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) original_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_all_day: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_cancelled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_organizer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Body>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) importance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sensitivity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) show_as: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) categories: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_reminder_on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reminder_minutes_before_start: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) locations: Option<Vec<Location>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_online_meeting: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) online_meeting: Option<OnlineMeeting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attendees: Option<Vec<Attendee>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organizer: Option<Recipient>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_status: Option<ResponseStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recurrence: Option<Recurrence>,
    #[serde(skip_serializing)]
    pub(super) exception_occurrences: Option<Vec<Event>>,
    #[serde(skip_serializing)]
    pub(super) cancelled_occurrences: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) single_value_extended_properties: Option<Vec<ExtendedProperty>>,
}

/// The members that are asked for: `cancelledOccurrences` only comes when it is selected by name.
pub(super) const SELECTED: &str = "id,type,seriesMasterId,iCalUId,transactionId,lastModifiedDateTime,originalStartTimeZone,\
originalEndTimeZone,originalStart,start,end,isAllDay,isCancelled,isOrganizer,subject,body,importance,sensitivity,showAs,\
categories,isReminderOn,reminderMinutesBeforeStart,location,locations,isOnlineMeeting,onlineMeeting,attendees,organizer,\
responseStatus,recurrence,cancelledOccurrences";

/// `dateTimeTimeZone`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Moment {
    pub(super) date_time: String,
    pub(super) time_zone: String,
}

/// `itemBody`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Body {
    pub(super) content_type: String,
    pub(super) content: Option<String>,
}

/// `location`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Location {
    pub(super) display_name: Option<String>,
}

/// `onlineMeetingInfo`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OnlineMeeting {
    pub(super) join_url: Option<String>,
}

/// `recipient`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Recipient {
    pub(super) email_address: EmailAddress,
}

/// `emailAddress`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EmailAddress {
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
}

/// `attendee`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Attendee {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) status: Option<ResponseStatus>,
    pub(super) email_address: EmailAddress,
}

/// `responseStatus`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResponseStatus {
    pub(super) response: Option<String>,
}

/// `patternedRecurrence`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Recurrence {
    pub(super) pattern: Pattern,
    pub(super) range: Range,
}

/// `recurrencePattern`. Members that a type does not use hold 0, `first` or `sunday`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pattern {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) interval: u32,
    pub(super) days_of_week: Option<Vec<String>>,
    pub(super) day_of_month: i32,
    pub(super) month: u32,
    pub(super) index: Option<String>,
    pub(super) first_day_of_week: Option<String>,
}

/// `recurrenceRange`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Range {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) end_date: Option<String>,
    pub(super) number_of_occurrences: u32,
    pub(super) recurrence_time_zone: Option<String>,
}

/// `singleValueLegacyExtendedProperty`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct ExtendedProperty {
    pub(super) id: String,
    pub(super) value: String,
}

/// The answer of `$batch`.
#[derive(Debug, Deserialize)]
pub(super) struct Batch<'a> {
    #[serde(borrow)]
    pub(super) responses: Vec<BatchAnswer<'a>>,
}

/// One answer of a batch; they come in any order.
#[derive(Debug, Deserialize)]
pub(super) struct BatchAnswer<'a> {
    pub(super) id: String,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: std::collections::BTreeMap<String, String>,
    #[serde(borrow)]
    pub(super) body: Option<&'a RawValue>,
}

/// `calendar`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Calendar {
    pub(super) can_edit: Option<bool>,
}

/// A member that is asked for by itself.
#[derive(Debug, Deserialize)]
pub(super) struct Text {
    pub(super) value: String,
}

/// `subscription`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) expiration_date_time: Option<String>,
    pub(super) notification_url: Option<String>,
    pub(super) client_state: Option<String>,
}

/// A list of subscriptions.
#[derive(Debug, Deserialize)]
pub(super) struct Subscriptions {
    pub(super) value: Vec<Subscription>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next_link: Option<String>,
}

/// The body of a notification.
#[derive(Debug, Deserialize)]
pub(super) struct Notifications {
    pub(super) value: Vec<NotificationItem>,
}

/// One item of a notification, about a change or (`lifecycleEvent`) about the subscription itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NotificationItem {
    pub(super) client_state: Option<String>,
}

/// The envelope of an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub(super) error: ErrorObject,
}

/// `error`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorObject {
    pub(super) code: String,
}
