//! Notifications on their way to webhooks.
//! Invariant: what is not answered with 2xx comes again with growing waits, until the retry time is over; then the
//! subscription's lifecycle address is told `missed`.

use serde_json::{Value, json};

use super::config::OccurrenceNotice;
use super::series::Target;
use super::state::State;
use super::time::second_text;
use super::view::{change_of, etag};
use super::watch::Subscription;
use crate::faults::PushFault;
use crate::http::Notification;

/// The tenant that every notification names.
const TENANT: &str = "00000000-0000-0000-0000-0000000e4a71";
/// When a reordered notification goes out if no other follows, in milliseconds.
const REORDER_MS: i64 = 1000;
/// The first wait before a notification is tried again, in milliseconds; it doubles.
const RETRY_MS: i64 = 1000;
/// Items that share one POST.
const MAX_ITEMS: usize = 50;

/// One item about a change of an event.
pub(crate) fn change(state: &mut State, subscription: &Subscription, target: &Target, what: &str) {
    // A deleted occurrence is a change of its series.
    let mut items = Vec::new();
    let notice = state.config.occurrence_notice;
    if target.original_ms.is_none() {
        items.push((None, what));
    } else {
        if notice != OccurrenceNotice::Occurrence {
            items.push((None, "updated"));
        }
        if notice != OccurrenceNotice::Master {
            items.push((target.original_ms, what));
        }
    }
    for (original_ms, what) in items {
        if !subscription.changes.iter().any(|wanted| wanted == what) {
            continue;
        }
        let Some(item) = state.calendars.get(&target.calendar).and_then(|calendar| calendar.items.get(&target.core))
        else {
            continue;
        };
        let id = item.id(original_ms, subscription.immutable);
        let user = state.accounts.get(&subscription.account).map(|account| account.id.clone()).unwrap_or_default();
        let resource = format!("Users/{user}/Events/{id}");
        let value = json!({
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": second_text(subscription.expires_ms),
            "changeType": what,
            "resource": resource,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Event",
                "@odata.id": resource,
                "@odata.etag": etag(change_of(item, original_ms)),
                "id": id,
            },
            "clientState": subscription.client_state,
            "tenantId": TENANT,
        });
        send(state, &subscription.url, value);
    }
}

/// One lifecycle item, if the subscription has an address for it.
pub(crate) fn lifecycle(state: &mut State, subscription: &Subscription, event: &str) {
    let Some(url) = &subscription.lifecycle else { return };
    let value = json!({
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": second_text(subscription.expires_ms),
        "tenantId": TENANT,
        "clientState": subscription.client_state,
        "lifecycleEvent": event,
    });
    send(state, url, value);
}

fn send(state: &mut State, address: &str, value: Value) {
    let mut due = state.now_ms + i64::try_from(state.config.push_delay_ms).unwrap_or(0);
    let fault = state.faults.strike_push();
    match fault {
        Some(PushFault::Lost) => {
            state.counters.pushes_lost += 1;
            return;
        }
        Some(PushFault::Late(ms)) => due += i64::try_from(ms).unwrap_or(0),
        None if state.config.batches_notifications && join(state, due, address, &value) => return,
        _ => {}
    }
    let overtaken = state.held.remove(address).and_then(|key| state.outbox.remove(&key));
    let notification = Notification {
        number: 0,
        address: address.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())],
        body: json!({ "value": [value] }).to_string().into_bytes(),
        attempt: 0,
    };
    state.counters.pushes += 1;
    if fault == Some(PushFault::Reordered) {
        due += REORDER_MS;
        let key = put(state, due, notification);
        state.held.insert(address.to_owned(), key);
    } else {
        if fault == Some(PushFault::Doubled) {
            put(state, due, notification.clone());
        }
        put(state, due, notification);
    }
    if let Some(held) = overtaken {
        put(state, due, held);
    }
}

fn put(state: &mut State, due: i64, mut notification: Notification) -> (i64, u64) {
    state.push_number += 1;
    notification.number = state.push_number;
    let key = (due, state.push_number);
    state.outbox.insert(key, notification);
    key
}

fn items(notification: &Notification) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&notification.body).unwrap_or_default();
    body.get("value").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Adds an item to a notification that waits for the same address and moment.
fn join(state: &mut State, due: i64, address: &str, value: &Value) -> bool {
    let same = state.outbox.range_mut((due, 0)..=(due, u64::MAX)).map(|(_, waiting)| waiting);
    let Some(waiting) = same.into_iter().rfind(|waiting| waiting.address == address && waiting.attempt == 0) else {
        return false;
    };
    let mut all = items(waiting);
    if all.len() >= MAX_ITEMS {
        return false;
    }
    all.push(value.clone());
    waiting.body = json!({ "value": all }).to_string().into_bytes();
    true
}

/// Nothing of an ended subscription is sent any more.
pub(crate) fn forget(state: &mut State, subscription: &str) {
    state.outbox.retain(|_, waiting| {
        let mut all = items(waiting);
        all.retain(|item| item.get("subscriptionId").and_then(Value::as_str) != Some(subscription));
        waiting.body = json!({ "value": all }).to_string().into_bytes();
        !all.is_empty()
    });
}

/// Takes the notifications due, in order.
pub(crate) fn take(state: &mut State, now_ms: i64) -> Vec<Notification> {
    let later = state.outbox.split_off(&(now_ms.saturating_add(1), 0));
    std::mem::replace(&mut state.outbox, later).into_values().collect()
}

/// Learns how a notification was answered.
pub(crate) fn answered(state: &mut State, mut notification: Notification, status: Option<u16>) {
    if status.is_some_and(|status| (200..300).contains(&status)) {
        state.counters.pushes_acknowledged += 1;
        return;
    }
    let wait_ms = RETRY_MS << notification.attempt.min(20);
    // The waits so far and this one; each is as long as all before it.
    if 2 * wait_ms - RETRY_MS <= state.config.push_retry_ms {
        notification.attempt += 1;
        state.outbox.insert((state.now_ms + wait_ms, notification.number), notification);
        return;
    }
    state.counters.pushes_failed += 1;
    for item in items(&notification).iter().filter(|item| item.get("lifecycleEvent").is_none()) {
        let id = item.get("subscriptionId").and_then(Value::as_str).unwrap_or_default();
        if let Some(subscription) = state.subscriptions.get(id).cloned() {
            lifecycle(state, &subscription, "missed");
        }
    }
}
