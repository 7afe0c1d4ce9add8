//! What goes wrong at a provider, done to its simulator.

use serde_json::json;
use tandem_engine::effects::ProviderKind;
use tandem_engine::webhooks::Notice;
use tandem_providers::{Fault, FaultKind};

use super::history::{Misfortune, Side, Write};
use super::marks::Mark;
use crate::world::{ACCOUNT, OUTLOOK, REPLICA, World};

/// Let something go wrong. Returns false where this provider cannot misbehave so.
pub(crate) fn strike(
    world: &mut World,
    at: Side,
    kind: Misfortune,
    (after, times): (u8, u8),
    on: Option<Write>,
) -> bool {
    let kind = match kind {
        Misfortune::TooManyRequests => FaultKind::TooManyRequests { retry_after_s: None },
        Misfortune::RetryAfter => FaultKind::TooManyRequests { retry_after_s: Some(7) },
        Misfortune::RateLimited => FaultKind::RateLimited,
        Misfortune::ServerError => FaultKind::ServerError(503),
        Misfortune::ServerErrorAfterApplying => FaultKind::ServerErrorAfterApplying(500),
        Misfortune::Unauthorized => FaultKind::Unauthorized,
        Misfortune::PreconditionFailed => FaultKind::PreconditionFailed,
        Misfortune::Truncated => FaultKind::Truncated,
        Misfortune::LostRequest => FaultKind::LostRequest,
        Misfortune::LostAnswer => FaultKind::LostAnswer,
        Misfortune::EmptyPage => FaultKind::EmptyPage,
        Misfortune::EmptyListing => return empty_listing(world, at),
        Misfortune::Unreadable => return unreadable(world, at),
        other => return happen(world, at, other),
    };
    let only_google = matches!(kind, FaultKind::RateLimited);
    // A condition fails where there is one.
    let on = on.or((kind == FaultKind::PreconditionFailed).then_some(Write::Update));
    let fault = match on {
        None => Fault::next(kind),
        Some(Write::Create) => Fault::next(kind).on_method("POST"),
        Some(Write::Update) => Fault::next(kind).on_method("PATCH"),
        Some(Write::Delete) => Fault::next(kind).on_method("DELETE"),
    };
    let fault = fault.after(u32::from(after)).times(u32::from(times));
    match at {
        Side::Outlook if only_google => return false,
        Side::Outlook => world.microsoft.plan(fault),
        _ => world.google.plan(fault),
    }
    true
}

/// Longer than an event is waited for.
const UNREADABLE_TIMES: u32 = 25;

/// Events that are asked for one by one are not shown.
fn unreadable(world: &World, at: Side) -> bool {
    let fault = Fault::next(FaultKind::ServerError(500)).on_method("GET").times(UNREADABLE_TIMES);
    if at == Side::Outlook {
        world.microsoft.plan(fault.on_path("*/events/AA*"));
    }
    at == Side::Outlook
}

/// The cursor is lost, and the listing that follows comes back empty.
fn empty_listing(world: &World, at: Side) -> bool {
    match at {
        Side::Outlook => {
            let link = "https://graph.invalid/v1.0/me/calendarView/delta?$deltatoken=nothing";
            let body = json!({"value": [], "@odata.deltaLink": link}).to_string();
            world.microsoft.expire_delta_tokens(ACCOUNT);
            let raw = Fault::next(FaultKind::Raw { status: 200, body });
            world.microsoft.plan(raw.on_path("*/delta").from_the_beginning());
        }
        _ => {
            let read_only = world.observer.as_ref().is_some_and(|observer| !observer.read_only.is_empty());
            let role = if read_only { "reader" } else { "owner" };
            let body = json!({"kind": "calendar#events", "accessRole": role, "items": [], "nextSyncToken": "nothing"});
            let body = body.to_string();
            world.google.expire_sync_tokens(ACCOUNT);
            let raw = Fault::next(FaultKind::Raw { status: 200, body });
            world.google.plan(raw.on_method("GET").on_path("*/events").from_the_beginning());
        }
    }
    true
}

fn happen(world: &mut World, at: Side, what: Misfortune) -> bool {
    let outlook = at == Side::Outlook;
    match what {
        Misfortune::LostCursor if outlook => world.microsoft.expire_delta_tokens(ACCOUNT),
        Misfortune::LostCursor => world.google.expire_sync_tokens(ACCOUNT),
        Misfortune::LostChannels if outlook => world.microsoft.drop_subscriptions(false),
        Misfortune::LostChannels => world.google.drop_channels(),
        Misfortune::ExpiredAccess if outlook => world.microsoft.expire_access(ACCOUNT),
        Misfortune::ExpiredAccess => world.google.expire_access(ACCOUNT),
        Misfortune::Forgery => forge(world, outlook),
        Misfortune::Churn => return churn(world, outlook),
        _ => return false,
    }
    true
}

/// A notification by somebody who does not know the key: refused, and nothing is marked.
fn forge(world: &mut World, outlook: bool) {
    let replica = if outlook { OUTLOOK } else { REPLICA };
    let wanted = |world: &World| world.memory.replica(replica).map_or(0, |replica| replica.wanted);
    let channel = world.memory.channels.keys().next().cloned().unwrap_or_else(|| "unknown".to_owned());
    let before = wanted(world);
    // Everything is guessed right but the signature.
    let claims = format!("v1:4102444800:acme:{replica}");
    let token = format!("{claims}:AAAA");
    let notice = if outlook {
        let item = json!({"subscriptionId": channel, "clientState": "AAAA", "changeType": "updated",
                          "resource": "Users/1/Events/1"});
        let body = json!({"value": [item]}).to_string().into_bytes();
        let query = format!("channel={channel}&claims={claims}");
        Notice { provider: ProviderKind::Microsoft, query, headers: Vec::new(), body }
    } else {
        let headers = [
            ("x-goog-channel-id", channel.as_str()),
            ("x-goog-channel-token", token.as_str()),
            ("x-goog-resource-state", "exists"),
            ("x-goog-message-number", "7"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Notice { provider: ProviderKind::Google, query: String::new(), headers, body: Vec::new() }
    };
    let status = world.receive(&notice).status;
    let after = wanted(world);
    if let Some(observer) = &mut world.observer {
        if after == before {
            observer.marks.reach(Mark::ForgeryRefused);
        } else {
            observer.violated("I14", format!("a forged notification was believed, and answered with {status}"));
        }
    }
}

/// An event is written as it is.
fn churn(world: &World, outlook: bool) -> bool {
    if outlook {
        let Some(row) = world.microsoft.truth(ACCOUNT).into_iter().find(|row| row["seriesMasterId"].is_null()) else {
            return false;
        };
        let id = row["id"].as_str().unwrap_or_default();
        world.microsoft.user_patch(ACCOUNT, id, &json!({"subject": row["subject"]})).is_ok()
    } else {
        let Some(row) = world.google.truth(ACCOUNT).into_iter().find(|row| row["recurringEventId"].is_null()) else {
            return false;
        };
        let id = row["id"].as_str().unwrap_or_default();
        world.google.user_patch(ACCOUNT, id, &json!({"summary": row["summary"]})).is_ok()
    }
}
