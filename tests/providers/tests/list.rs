//! events.list: pages, tokens, filters.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod world;

use serde_json::json;
use tandem_providers::google::{Config, Role};
use tandem_providers::{Fault, FaultKind};
use world::*;

#[test]
fn a_listing_is_paged_and_only_the_last_page_has_a_sync_token() {
    let w = world();
    w.google.generate(ME, 30, 5).unwrap();
    let first = w.page("maxResults=10");
    assert_eq!(first["items"].as_array().unwrap().len(), 10);
    assert!(first.get("nextSyncToken").is_none());
    let (items, _) = w.listing("maxResults=10");
    assert!(items.len() >= 30);
    assert_eq!(first["kind"], "calendar#events");
    assert_eq!(first["accessRole"], "owner");
    assert_eq!(first["timeZone"], "Europe/Berlin");
    assert_eq!(first["defaultReminders"], json!([{ "method": "popup", "minutes": 30 }]));
}

#[test]
fn page_size_is_250_by_default_and_2500_at_most() {
    let w = world();
    w.google.generate(ME, 2600, 5).unwrap();
    assert_eq!(w.page("")["items"].as_array().unwrap().len(), 250);
    assert_eq!(w.page("maxResults=9999")["items"].as_array().unwrap().len(), 2500);
    assert_eq!(w.get(&format!("{EVENTS}?maxResults=0")).status(), Some(400));
}

#[test]
fn changes_made_while_paging_come_with_the_next_token() {
    let w = world();
    let ids: Vec<String> =
        (0..6).map(|n| w.made(&meeting(&format!("m{n}")))["id"].as_str().unwrap().to_owned()).collect();
    let first = w.page("maxResults=2");
    let next = first["nextPageToken"].as_str().unwrap().to_owned();
    w.patch(&ids[0], &json!({ "summary": "changed" }));
    let late = w.made(&meeting("late"))["id"].clone();
    let mut token = None;
    let mut page = w.page(&format!("maxResults=2&pageToken={next}"));
    while token.is_none() {
        token = page["nextSyncToken"].as_str().map(str::to_owned);
        if let Some(next) = page["nextPageToken"].as_str() {
            page = w.page(&format!("maxResults=2&pageToken={next}"));
        }
    }
    let (delta, _) = w.listing(&format!("syncToken={}", token.unwrap()));
    let seen: Vec<_> = delta.iter().map(|item| item["id"].clone()).collect();
    assert!(seen.contains(&json!(ids[0])) && seen.contains(&late), "{seen:?}");
}

#[test]
fn changes_made_while_paging_a_delta_are_not_lost() {
    for shuffle in [None, Some(9)] {
        let w = world_with(Config { shuffle, ..Config::default() });
        let ids: Vec<String> =
            (0..5).map(|n| w.made(&meeting(&format!("m{n}")))["id"].as_str().unwrap().to_owned()).collect();
        let (_, start) = w.listing("");
        for id in &ids {
            w.patch(id, &json!({ "summary": "one" }));
        }
        let query = format!("syncToken={start}&maxResults=2");
        let page = w.page(&query);
        let mut seen = page["items"].as_array().unwrap().clone();
        for id in &ids {
            w.patch(id, &json!({ "summary": "two" }));
        }
        let mut page = w.page(&format!("{query}&pageToken={}", page["nextPageToken"].as_str().unwrap()));
        seen.extend(page["items"].as_array().unwrap().clone());
        while let Some(next) = page["nextPageToken"].as_str() {
            page = w.page(&format!("{query}&pageToken={next}"));
        }
        let (delta, _) = w.listing(&format!("syncToken={}", page["nextSyncToken"].as_str().unwrap()));
        let twos = delta.iter().filter(|item| item["summary"] == "two").count();
        assert_eq!(twos, 5);
    }
}

#[test]
fn a_delta_holds_only_what_changed_and_deletions_as_tombstones() {
    let w = world();
    let keep = w.made(&meeting("keep"));
    let gone = w.made(&meeting("gone"));
    let (_, token) = w.listing("");
    let (nothing, token) = w.listing(&format!("syncToken={token}"));
    assert!(nothing.is_empty());
    assert_eq!(w.delete(gone["id"].as_str().unwrap()).status(), Some(204));
    let (delta, _) = w.listing(&format!("syncToken={token}"));
    assert_eq!(delta.len(), 1);
    assert_eq!(delta[0]["id"], gone["id"]);
    assert_eq!(delta[0]["status"], "cancelled");
    assert_eq!(w.event(keep["id"].as_str().unwrap())["status"], "confirmed");
}

#[test]
fn tombstones_can_be_bare() {
    let w = world_with(Config { bare_tombstones: true, ..Config::default() });
    let gone = w.made(&meeting("gone"));
    let (_, token) = w.listing("");
    w.delete(gone["id"].as_str().unwrap());
    let (delta, _) = w.listing(&format!("syncToken={token}"));
    let mut keys: Vec<&String> = delta[0].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["etag", "id", "kind", "status"]);
}

#[test]
fn expired_tokens_and_acl_changes_answer_410_full_sync_required() {
    const MESSAGE: &str = "Sync token is no longer valid, a full sync is required.";
    let w = world();
    let (_, token) = w.listing("");
    let url = format!("{EVENTS}?syncToken={token}");
    w.google.expire_sync_tokens(ME);
    check(&w.get(&url), 410, "calendar", "fullSyncRequired", MESSAGE);
    let error = &w.get(&url).json()["error"]["errors"][0];
    assert_eq!((error["locationType"].as_str(), error["location"].as_str()), (Some("parameter"), Some("syncToken")));
    let (_, token) = w.listing("");
    w.google.set_role(ME, "bob@example.com", Some(Role::Reader));
    check(&w.get(&format!("{EVENTS}?syncToken={token}")), 410, "calendar", "fullSyncRequired", MESSAGE);
    let (_, token) = w.listing("");
    w.clock.advance(40 * 86_400_000);
    check(&w.get(&format!("{EVENTS}?syncToken={token}")), 410, "calendar", "fullSyncRequired", MESSAGE);
}

#[test]
fn a_sync_token_forbids_filters_and_other_parameters() {
    let w = world();
    let (_, token) = w.listing("");
    for with in [
        "iCalUID=x",
        "orderBy=updated",
        "privateExtendedProperty=a%3Db",
        "sharedExtendedProperty=a%3Db",
        "timeMin=2026-01-01T00:00:00Z",
        "timeMax=2026-01-01T00:00:00Z",
        "updatedMin=2026-01-01T00:00:00Z",
        "showDeleted=false",
        "eventTypes=default",
    ] {
        let response = w.get(&format!("{EVENTS}?syncToken={token}&{with}"));
        assert_eq!(response.status(), Some(400), "{with}");
    }
    assert_eq!(w.get(&format!("{EVENTS}?syncToken={token}&showDeleted=true")).status(), Some(200));
    assert_eq!(w.get(&format!("{EVENTS}?syncToken=garbage")).status(), Some(400));
}

#[test]
fn unknown_parameters_are_400_and_unmodelled_ones_501() {
    let w = world();
    assert_eq!(w.get(&format!("{EVENTS}?colour=red")).status(), Some(400));
    let response = w.get(&format!("{EVENTS}?fields=items"));
    assert_eq!(response.status(), Some(501));
    assert_eq!(reason(&response), "notImplemented");
    assert_eq!(w.get(&format!("{EVENTS}?q=lunch")).status(), Some(501));
    assert_eq!(w.get("/calendar/v3/colors").status(), Some(501));
    assert_eq!(w.get("/calendar/v3/garbage").status(), Some(404));
}

#[test]
fn cancelled_instances_are_listed_bare_but_cancelled_events_are_not() {
    let w = world();
    let id = w.made(&series("RRULE:FREQ=DAILY;COUNT=5"))["id"].as_str().unwrap().to_owned();
    let single = w.made(&meeting("single"))["id"].as_str().unwrap().to_owned();
    w.delete(&single);
    w.delete(&format!("{id}_20260304T090000Z"));
    let (items, _) = w.listing("");
    assert_eq!(items.len(), 2);
    let bare = items.iter().find(|item| item["status"] == "cancelled").unwrap();
    let mut keys: Vec<&String> = bare.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["etag", "id", "kind", "originalStartTime", "recurringEventId", "status"]);
    assert_eq!(
        bare["originalStartTime"],
        json!({ "dateTime": "2026-03-04T10:00:00+01:00", "timeZone": "Europe/Berlin" })
    );
    let (all, _) = w.listing("showDeleted=true");
    assert_eq!(all.len(), 3);
}

#[test]
fn time_windows_look_at_end_and_start_and_include_series() {
    let w = world();
    w.made(&meeting("single"));
    w.made(&series("RRULE:FREQ=WEEKLY"));
    let count = |min: &str, max: &str| w.listing(&format!("timeMin={min}&timeMax={max}")).0.len();
    assert_eq!(count("2026-03-03T10:00:00Z", "2026-03-03T12:00:00Z"), 0);
    assert_eq!(count("2026-03-03T09:59:59Z", "2026-03-03T12:00:00Z"), 2);
    assert_eq!(count("2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"), 1);
    let empty = w.get(&format!("{EVENTS}?timeMin=2026-03-03T10:00:00Z&timeMax=2026-03-03T10:00:00Z"));
    check(&empty, 400, "calendar", "timeRangeEmpty", "The specified time range is empty.");
    assert_eq!(w.get(&format!("{EVENTS}?timeMin=2026-03-03T10:00:00")).status(), Some(400));
}

#[test]
fn single_events_expand_in_order_within_a_window() {
    let w = world();
    w.made(&series("RRULE:FREQ=DAILY;COUNT=3"));
    let query = "singleEvents=true&orderBy=startTime&timeMin=2026-03-01T00:00:00Z&timeMax=2026-04-01T00:00:00Z";
    let (items, _) = w.listing(query);
    let starts: Vec<&str> = items.iter().map(|item| item["start"]["dateTime"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2026-03-03T10:00:00+01:00", "2026-03-04T10:00:00+01:00", "2026-03-05T10:00:00+01:00"]);
    assert!(items.iter().all(|item| item.get("recurrence").is_none()));
    assert_eq!(w.get(&format!("{EVENTS}?orderBy=startTime")).status(), Some(400));
    assert_eq!(w.get(&format!("{EVENTS}?singleEvents=true")).status(), Some(501));
}

#[test]
fn a_shuffled_listing_may_show_an_exception_before_its_master() {
    let before = (0..20).any(|seed| {
        let w = world_with(Config { shuffle: Some(seed), ..Config::default() });
        let id = w.made(&series("RRULE:FREQ=DAILY;COUNT=5"))["id"].as_str().unwrap().to_owned();
        w.patch(&format!("{id}_20260304T090000Z"), &json!({ "summary": "other" }));
        let (items, _) = w.listing("maxResults=1");
        assert_eq!(items.len(), 2);
        items[0].get("recurringEventId").is_some()
    });
    assert!(before);
}

#[test]
fn a_planned_empty_page_loses_nothing() {
    let w = world();
    w.made(&meeting("one"));
    w.google.plan(Fault::next(FaultKind::EmptyPage));
    let first = w.page("");
    assert_eq!(first["items"], json!([]));
    assert!(first["nextPageToken"].is_string());
    let rest = w.page(&format!("pageToken={}", first["nextPageToken"].as_str().unwrap()));
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
}

#[test]
fn updated_min_includes_deletions_and_may_lie_too_far_back() {
    let w = world();
    let id = w.made(&meeting("one"))["id"].as_str().unwrap().to_owned();
    w.delete(&id);
    assert_eq!(w.listing("updatedMin=2026-03-02T08:00:00Z").0.len(), 1);
    check(
        &w.get(&format!("{EVENTS}?updatedMin=2025-01-01T00:00:00Z")),
        410,
        "calendar",
        "updatedMinTooLongAgo",
        "The requested minimum modification time lies too far in the past.",
    );
}

#[test]
fn readers_do_not_see_private_details() {
    let w = world();
    let mut body = meeting("secret");
    body["visibility"] = json!("private");
    w.made(&body);
    w.made(&meeting("open"));
    for (role, secrets, opens) in [(Role::Reader, 0, 1), (Role::FreeBusyReader, 0, 0), (Role::Writer, 1, 1)] {
        w.google.set_role(ME, ME, Some(role));
        let (items, _) = w.listing("");
        assert_eq!(items.len(), 2);
        let count = |word: &str| items.iter().filter(|item| item["summary"] == word).count();
        assert_eq!((count("secret"), count("open")), (secrets, opens), "{role:?}");
    }
}
