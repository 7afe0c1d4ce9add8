//! Subscriptions: create with a handshake, renew, end.
//! Invariant: no subscription exists whose webhook has not proved itself; none says anything after its end.

use serde_json::{Value, json};

use super::config::Bound;
use super::error::ApiError;
use super::ids;
use super::notify;
use super::params::Params;
use super::route::{Call, Refusal};
use super::series::Target;
use super::state::{State, text};
use super::time::{query_time, second_text, unknown_member};

/// Subscriptions in an answer.
const MAX_PAGE: usize = 100;
const MAX_CLIENT_STATE_CHARS: usize = 128;
const MIN_LIFE_MS: i64 = 45 * 60_000;
const MEMBERS: [&str; 11] = [
    "changeType",
    "notificationUrl",
    "lifecycleNotificationUrl",
    "resource",
    "expirationDateTime",
    "clientState",
    "latestSupportedTlsVersion",
    "includeResourceData",
    "encryptionCertificate",
    "encryptionCertificateId",
    "notificationQueryOptions",
];

/// A subscription to the events of one calendar.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) calendar: String,
    pub(crate) resource: String,
    pub(crate) changes: Vec<String>,
    pub(crate) url: String,
    pub(crate) lifecycle: Option<String>,
    pub(crate) client_state: Option<String>,
    pub(crate) expires_ms: i64,
    /// Made with `IdType="ImmutableId"`.
    pub(crate) immutable: bool,
    /// `reauthorizationRequired` was said for this end.
    pub(crate) warned: bool,
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "InvalidRequest", message)
}

/// POST /subscriptions. Asks for proof of each URL that `proofs` does not have yet.
pub(crate) fn create(state: &mut State, call: &Call<'_>, body: &Value, proofs: &[bool]) -> Result<Value, Refusal> {
    let object = body.as_object().ok_or_else(|| invalid("The body is no JSON object."))?;
    if let Some(key) = object.keys().find(|key| !MEMBERS.contains(&key.as_str()) && !key.contains('@')) {
        return Err(unknown_member(key, "subscription").into());
    }
    if object.get("includeResourceData") == Some(&json!(true)) || object.contains_key("encryptionCertificate") {
        return Err(ApiError::not_modelled("notifications with resource data").into());
    }
    let changes: Vec<String> = text(object, "changeType").split(',').map(|word| word.trim().to_owned()).collect();
    if changes.iter().any(|word| !matches!(word.as_str(), "created" | "updated" | "deleted")) {
        return Err(invalid("Invalid 'changeType' attribute.").into());
    }
    let (url, lifecycle) =
        (text(object, "notificationUrl"), object.get("lifecycleNotificationUrl").and_then(Value::as_str));
    check_url(state, url)?;
    lifecycle.map(|url| check_url(state, url)).transpose()?;
    if text(object, "clientState").chars().count() > MAX_CLIENT_STATE_CHARS {
        return Err(invalid("The clientState is too long.").into());
    }
    let calendar = resource(state, &call.account, text(object, "resource"))?;
    let expires_ms = expiry(state, text(object, "expirationDateTime"))?;
    let same =
        |known: &&Subscription| known.account == call.account && known.calendar == calendar && known.changes == changes;
    if let Some(known) = state.subscriptions.values().find(same).filter(|_| state.config.duplicate_subscription_is_409)
    {
        return Err(ApiError::duplicate_subscription(&known.id).into());
    }
    prove(&[Some(url), lifecycle], proofs)?;
    let subscription = Subscription {
        id: ids::uuid(51, state.random.bits()),
        account: call.account.clone(),
        calendar,
        resource: text(object, "resource").to_owned(),
        changes,
        url: url.to_owned(),
        lifecycle: lifecycle.map(str::to_owned),
        client_state: object.get("clientState").and_then(Value::as_str).map(str::to_owned),
        expires_ms,
        immutable: call.prefer.immutable,
        warned: false,
    };
    let answer = shown(&subscription);
    state.subscriptions.insert(subscription.id.clone(), subscription);
    Ok(answer)
}

/// Goes through the URLs in order: asks for the first without a proof, refuses at the first that failed.
fn prove(urls: &[Option<&str>], proofs: &[bool]) -> Result<(), Refusal> {
    for (at, url) in urls.iter().flatten().enumerate() {
        match proofs.get(at) {
            None => return Err(Refusal::Ask((*url).to_owned())),
            Some(false) => return Err(ApiError::validation_failed().into()),
            Some(true) => {}
        }
    }
    Ok(())
}

fn check_url(state: &State, url: &str) -> Result<(), ApiError> {
    let plain = state.config.allow_http_webhooks && url.starts_with("http://");
    if url.starts_with("https://") || plain { Ok(()) } else { Err(invalid("Webhook endpoints must use https.")) }
}

/// The calendar that a resource names.
fn resource(state: &State, account: &str, text: &str) -> Result<String, ApiError> {
    let parts: Vec<String> = text.trim_start_matches('/').split('/').map(crate::http::decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let known = state.accounts.get(account).ok_or_else(ApiError::denied)?;
    let rest = match parts.as_slice() {
        ["me", rest @ ..] => rest,
        ["users" | "Users", user, rest @ ..] if user.eq_ignore_ascii_case(account) || *user == known.id => rest,
        ["users" | "Users", ..] => return Err(ApiError::denied()),
        _ => return Err(invalid("Invalid 'resource' attribute.")),
    };
    match rest {
        ["events"] | ["calendar", "events"] => Ok(known.calendar.clone()),
        ["calendars", id, "events"] => {
            let calendar = state.calendars.get(*id).filter(|calendar| calendar.owner == account);
            calendar.map(|calendar| calendar.id.clone()).ok_or_else(ApiError::item_not_found)
        }
        _ => Err(ApiError::not_modelled(&format!("subscriptions to {text}"))),
    }
}

/// The end that a caller asks for, in bounds.
fn expiry(state: &State, text: &str) -> Result<i64, ApiError> {
    let asked =
        query_time("expirationDateTime", text).map_err(|_| invalid("Invalid 'expirationDateTime' attribute."))?;
    let longest = state.now_ms + state.config.subscription_minutes * 60_000;
    if asked <= state.now_ms {
        return Err(invalid("Subscription expiration must be in the future."));
    }
    match state.config.long_subscription {
        Bound::Reject if asked > longest => Err(invalid(&format!(
            "Subscription expiration can only be {} minutes in the future.",
            state.config.subscription_minutes
        ))),
        _ => Ok(asked.clamp(state.now_ms + MIN_LIFE_MS, longest)),
    }
}

fn shown(subscription: &Subscription) -> Value {
    json!({
        "id": subscription.id,
        "resource": subscription.resource,
        "applicationId": "00000000-0000-0000-0000-00000000051a",
        "changeType": subscription.changes.join(","),
        "clientState": subscription.client_state,
        "notificationUrl": subscription.url,
        "notificationQueryOptions": null,
        "lifecycleNotificationUrl": subscription.lifecycle,
        "expirationDateTime": second_text(subscription.expires_ms),
        "creatorId": subscription.account,
        "includeResourceData": null,
        "latestSupportedTlsVersion": "v1_2",
        "encryptionCertificate": null,
        "encryptionCertificateId": null,
    })
}

fn own<'a>(state: &'a mut State, call: &Call<'_>, id: &str) -> Result<&'a mut Subscription, ApiError> {
    let found = state.subscriptions.get_mut(id).filter(|subscription| subscription.account == call.account);
    found.ok_or_else(ApiError::not_found)
}

/// GET /subscriptions and /subscriptions/{id}.
pub(crate) fn read(state: &mut State, call: &Call<'_>, id: Option<&str>) -> Result<Value, ApiError> {
    if let Some(id) = id {
        return own(state, call, id).map(|subscription| shown(subscription));
    }
    let params = Params::check(call.request, &["$skip"])?;
    let from = params.number("$skip", 0, usize::MAX)?.unwrap_or(0);
    let size = state.config.page_limit.unwrap_or(MAX_PAGE).max(1);
    let own = state.subscriptions.values().filter(|subscription| subscription.account == call.account);
    let mut rows: Vec<Value> = own.skip(from).take(size + 1).map(shown).collect();
    let more = rows.len() > size;
    rows.truncate(size);
    let mut whole = json!({ "value": rows });
    if let Some(map) = whole.as_object_mut().filter(|_| more) {
        map.insert("@odata.nextLink".to_owned(), json!(call.link(&[("$skip".to_owned(), (from + size).to_string())])));
    }
    Ok(whole)
}

/// PATCH /subscriptions/{id}: a new end, or a new address, which must prove itself again.
pub(crate) fn renew(
    state: &mut State,
    call: &Call<'_>,
    id: &str,
    body: &Value,
    proofs: &[bool],
) -> Result<Value, Refusal> {
    own(state, call, id)?;
    let object = body.as_object().ok_or_else(|| invalid("The body is no JSON object."))?;
    let changeable = |key: &str| matches!(key, "expirationDateTime" | "notificationUrl") || key.contains('@');
    if let Some(key) = object.keys().find(|key| !changeable(key)) {
        return Err(invalid(&format!("The property '{key}' of a subscription cannot be changed.")).into());
    }
    let url = object.get("notificationUrl").and_then(Value::as_str);
    if let Some(url) = url {
        check_url(state, url)?;
    }
    let expires_ms =
        object.get("expirationDateTime").and_then(Value::as_str).map(|text| expiry(state, text)).transpose()?;
    prove(&[url], proofs)?;
    let subscription = own(state, call, id)?;
    if let Some(expires_ms) = expires_ms {
        subscription.expires_ms = expires_ms;
        subscription.warned = false;
    }
    if let Some(url) = url {
        subscription.url = url.to_owned();
    }
    Ok(shown(subscription))
}

/// POST /subscriptions/{id}/reauthorize.
pub(crate) fn reauthorize(state: &mut State, call: &Call<'_>, id: &str) -> Result<(), ApiError> {
    own(state, call, id).map(|_| ())
}

/// DELETE /subscriptions/{id}.
pub(crate) fn end(state: &mut State, call: &Call<'_>, id: &str) -> Result<(), ApiError> {
    own(state, call, id)?;
    state.subscriptions.remove(id);
    notify::forget(state, id);
    Ok(())
}

/// Subscriptions end with time, and say so beforehand if they are to.
pub(crate) fn pass_time(state: &mut State) {
    let now_ms = state.now_ms;
    let over: Vec<Subscription> =
        state.subscriptions.values().filter(|one| one.expires_ms <= now_ms).cloned().collect();
    for subscription in over {
        state.subscriptions.remove(&subscription.id);
        if state.config.tells_removal {
            notify::lifecycle(state, &subscription, "subscriptionRemoved");
        }
    }
    let Some(before_ms) = state.config.reauthorization_before_ms else { return };
    let due = |one: &&mut Subscription| !one.warned && one.expires_ms - before_ms <= now_ms;
    let warned: Vec<Subscription> = state
        .subscriptions
        .values_mut()
        .filter(due)
        .map(|one| {
            one.warned = true;
            one.clone()
        })
        .collect();
    for subscription in warned {
        notify::lifecycle(state, &subscription, "reauthorizationRequired");
    }
}

/// Tells the subscriptions of a calendar what changed. `what` is `created`, `updated` or `deleted`.
pub(crate) fn changed(state: &mut State, target: &Target, what: &str) {
    let all: Vec<Subscription> =
        state.subscriptions.values().filter(|one| one.calendar == target.calendar).cloned().collect();
    for subscription in all {
        notify::change(state, &subscription, target, what);
    }
}
