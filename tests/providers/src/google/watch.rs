//! Push channels: watch, stop, and the messages that changes cause.
//! Invariant: message numbers of a channel grow strictly; a channel says nothing after its expiry or its stop.

use chrono::DateTime;
use serde_json::{Value, json};

use super::error::ApiError;
use super::series::member;
use super::state::State;
use crate::faults::PushFault;
use crate::http::{Notification, encode};

const MAX_ID_CHARS: usize = 64;
const MAX_TOKEN_CHARS: usize = 256;
const DEFAULT_TTL_MS: i64 = 604_800_000;
/// When a reordered push goes out if no other follows, in milliseconds.
const REORDER_MS: i64 = 1000;
/// The first wait before a push is tried again, in milliseconds; it doubles.
const RETRY_MS: i64 = 1000;

/// A push channel.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) resource_id: String,
    pub(crate) calendar: String,
    pub(crate) account: String,
    pub(crate) address: String,
    pub(crate) token: Option<String>,
    pub(crate) expires_ms: i64,
    pub(crate) number: u64,
    /// A push that waits for the next one to overtake it.
    pub(crate) held: Option<(i64, u64)>,
}

/// POST events/watch.
pub(crate) fn watch(state: &mut State, calendar_id: &str, account: &str, body: &Value) -> Result<Value, ApiError> {
    check_members(body)?;
    let id = member(body, "id").unwrap_or_default();
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_+/=".contains(&b);
    if id.is_empty() || id.len() > MAX_ID_CHARS || !id.bytes().all(legal) {
        return Err(ApiError::invalid("Invalid channel id."));
    }
    if member(body, "type") != Some("web_hook") {
        return Err(ApiError::push("channelTypeNotSupported", "Channel type not supported"));
    }
    let address = member(body, "address").unwrap_or_default();
    let plain_is_allowed = state.config.allow_http_webhooks && address.starts_with("http://");
    if !address.starts_with("https://") && !plain_is_allowed {
        return Err(ApiError::push("webhookUrlNotHttps", &format!("WebHook callback must be HTTPS: {address}")));
    }
    if member(body, "token").is_some_and(|token| token.chars().count() > MAX_TOKEN_CHARS) {
        return Err(ApiError::invalid("Invalid channel token."));
    }
    if state.burnt_channels.contains(id) {
        return Err(ApiError::push("channelIdNotUnique", &format!("Channel id {id} not unique")));
    }
    let calendar = state.calendars.get(calendar_id).ok_or_else(ApiError::not_found)?;
    if !calendar.pushable {
        return Err(ApiError::push(
            "pushNotSupportedForRequestedResource",
            "Push notifications are not supported by this resource.",
        ));
    }
    let expires_ms = state.now_ms + lifetime(state, body)?;
    let resource_id = resource_id(calendar_id);
    let channel = Channel {
        id: id.to_owned(),
        resource_id: resource_id.clone(),
        calendar: calendar_id.to_owned(),
        account: account.to_owned(),
        address: address.to_owned(),
        token: member(body, "token").map(str::to_owned),
        // Whole seconds, because the header that repeats it has no finer ones.
        expires_ms: expires_ms / 1000 * 1000,
        number: 0,
        held: None,
    };
    let mut answer = json!({
        "kind": "api#channel",
        "id": id,
        "resourceId": resource_id,
        "resourceUri": resource_uri(calendar_id),
        "expiration": channel.expires_ms.to_string(),
    });
    if let (Some(token), Some(map)) = (&channel.token, answer.as_object_mut()) {
        map.insert("token".to_owned(), json!(token));
    }
    state.burnt_channels.insert(id.to_owned());
    state.channels.insert(id.to_owned(), channel);
    send(state, id, "sync");
    Ok(answer)
}

fn check_members(body: &Value) -> Result<(), ApiError> {
    let object = body.as_object().ok_or_else(ApiError::parse_error)?;
    for key in object.keys() {
        match key.as_str() {
            "id" | "type" | "address" | "token" | "expiration" | "params" | "kind" => {}
            "payload" | "resourceId" | "resourceUri" => {
                return Err(ApiError::not_modelled(&format!("member {key}")));
            }
            other => return Err(ApiError::bad_request(&format!("Unknown name \"{other}\": Cannot find field."))),
        }
    }
    Ok(())
}

/// How long the channel lives, in milliseconds: what is asked for, shortened silently.
fn lifetime(state: &State, body: &Value) -> Result<i64, ApiError> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let bad = || ApiError::invalid("Invalid channel expiration.");
    let asked = if let Some(value) = body.get("expiration").filter(|v| !v.is_null()) {
        number(value).ok_or_else(bad)? - state.now_ms
    } else if let Some(value) = body.get("params").and_then(|params| params.get("ttl")) {
        number(value).ok_or_else(bad)?.saturating_mul(1000)
    } else {
        DEFAULT_TTL_MS
    };
    if asked <= 0 {
        return Err(bad());
    }
    Ok(asked.min(state.config.channel_life_ms))
}

fn resource_uri(calendar_id: &str) -> String {
    format!("https://www.googleapis.com/calendar/v3/calendars/{}/events?alt=json", encode(calendar_id))
}

/// Opaque, and the same for every channel of a calendar.
fn resource_id(calendar_id: &str) -> String {
    let bytes = crate::random::mix(7, calendar_id).to_be_bytes();
    data_encoding::BASE64URL_NOPAD.encode(&[&bytes[..], b"events"].concat())
}

/// POST channels/stop.
pub(crate) fn stop(state: &mut State, account: &str, body: &Value) -> Result<(), ApiError> {
    check_stop(body)?;
    let id = member(body, "id").ok_or_else(|| ApiError::required("Missing channel id."))?;
    let resource = member(body, "resourceId").ok_or_else(|| ApiError::required("Missing resourceId."))?;
    let known = state.channels.get(id).is_some_and(|channel| {
        channel.resource_id == resource && channel.account == account && channel.expires_ms > state.now_ms
    });
    if !known {
        return Err(ApiError::channel_not_found(id));
    }
    state.channels.remove(id);
    state.outbox.retain(|_, push| push.header("x-goog-channel-id") != Some(id));
    Ok(())
}

fn check_stop(body: &Value) -> Result<(), ApiError> {
    let object = body.as_object().ok_or_else(ApiError::parse_error)?;
    let known =
        ["id", "resourceId", "resourceUri", "kind", "token", "expiration", "type", "address", "params", "payload"];
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(other) => Err(ApiError::bad_request(&format!("Unknown name \"{other}\": Cannot find field."))),
    }
}

/// Tells the channels of a calendar that something changed.
pub(crate) fn changed(state: &mut State, calendar_id: &str) {
    let now_ms = state.now_ms;
    state.channels.retain(|_, channel| channel.expires_ms > now_ms);
    let ids: Vec<String> =
        state.channels.values().filter(|channel| channel.calendar == calendar_id).map(|c| c.id.clone()).collect();
    for id in ids {
        send(state, &id, "exists");
    }
}

fn send(state: &mut State, id: &str, what: &str) {
    // Numbers grow, but not by one.
    let step = if what == "sync" { 1 } else { 1 + state.random.below(1000) };
    let Some(channel) = state.channels.get_mut(id) else { return };
    channel.number += step;
    let headers = headers(channel, what);
    let mut due = state.now_ms;
    let mut fault = None;
    if what != "sync" {
        due += i64::try_from(state.config.push_delay_ms).unwrap_or(0);
        fault = state.faults.strike_push();
    }
    if fault == Some(PushFault::Lost) {
        state.counters.pushes_lost += 1;
        return;
    }
    if let Some(PushFault::Late(ms)) = fault {
        due += i64::try_from(ms).unwrap_or(0);
    }
    state.push_number += 1;
    let number = state.push_number;
    let notification = Notification { number, address: channel.address.clone(), headers, body: Vec::new(), attempt: 0 };
    state.counters.pushes += 1;
    let overtaken = channel.held.take().and_then(|key| state.outbox.remove(&key));
    if fault == Some(PushFault::Reordered) {
        channel.held = Some((due + REORDER_MS, number));
        due += REORDER_MS;
    }
    if fault == Some(PushFault::Doubled) {
        state.push_number += 1;
        let mut copy = notification.clone();
        copy.number = state.push_number;
        state.outbox.insert((due, copy.number), copy);
    }
    state.outbox.insert((due, number), notification);
    if let Some(mut held) = overtaken {
        state.push_number += 1;
        held.number = state.push_number;
        state.outbox.insert((due, held.number), held);
    }
}

fn headers(channel: &Channel, what: &str) -> Vec<(String, String)> {
    let expiration = DateTime::from_timestamp_millis(channel.expires_ms).unwrap_or_default();
    let mut headers = vec![
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("user-agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)".to_owned()),
        ("x-goog-channel-id", channel.id.clone()),
        ("x-goog-channel-expiration", expiration.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        ("x-goog-message-number", channel.number.to_string()),
        ("x-goog-resource-id", channel.resource_id.clone()),
        ("x-goog-resource-state", what.to_owned()),
        ("x-goog-resource-uri", resource_uri(&channel.calendar)),
    ];
    if let Some(token) = &channel.token {
        headers.push(("x-goog-channel-token", token.clone()));
    }
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Takes the pushes due, in order.
pub(crate) fn take(state: &mut State, now_ms: i64) -> Vec<Notification> {
    let later = state.outbox.split_off(&(now_ms + 1, 0));
    std::mem::replace(&mut state.outbox, later).into_values().collect()
}

/// Learns how a push was answered: some answers mean another try, with growing waits.
pub(crate) fn answered(state: &mut State, mut notification: Notification, status: Option<u16>) {
    match status {
        Some(102 | 200 | 201 | 202 | 204) => state.counters.pushes_acknowledged += 1,
        None | Some(500 | 502 | 503 | 504) if notification.attempt + 1 < state.config.push_attempts => {
            let wait = RETRY_MS.saturating_mul(1 << notification.attempt.min(16));
            notification.attempt += 1;
            state.outbox.insert((state.now_ms + wait, notification.number), notification);
        }
        _ => state.counters.pushes_failed += 1,
    }
}
