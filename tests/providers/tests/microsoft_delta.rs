//! Listings and deltas of the simulated Microsoft.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod graph;

use std::collections::BTreeSet;

use graph::*;
use serde_json::json;
use tandem_providers::microsoft::{
    Bound, Config, EventsDelta, LostToken, OccurrenceRows, RemovedReason, SeriesRemoval,
};
use tandem_providers::{Fault, FaultKind};

fn days(day: u32) -> (serde_json::Value, serde_json::Value) {
    (at(&format!("2026-03-{day:02}T10:00:00")), at(&format!("2026-03-{day:02}T11:00:00")))
}

#[test]
fn events_lists_singles_and_masters_and_calendar_view_everything_else() {
    let w = world();
    w.made(&meeting("single"));
    let master = w.made(&weekly(3));
    let second = w.instances(id(&master))[1].clone();
    w.patched(id(&second), &json!({ "subject": "mine" }));
    assert_eq!(w.listing(EVENTS).kinds(), ["singleInstance", "seriesMaster"]);
    let view = w.listing(&format!("/v1.0/me/calendarView?{WINDOW}"));
    assert_eq!(view.kinds(), ["singleInstance", "occurrence", "exception", "occurrence"]);
    assert_eq!(view.rows[1]["subject"], "series", "occurrences are whole here");
    refused(&w.get("/v1.0/me/calendarView?startDateTime=2026-03-01T00:00:00Z"), 400, "ErrorInvalidRequest");
    let narrow = "startDateTime=2026-03-03T11:00:00%2B01:00&endDateTime=2026-03-10T09:00:00";
    assert!(w.listing(&format!("/v1.0/me/calendarView?{narrow}")).rows.is_empty(), "both ends are exclusive");
}

#[test]
fn pages_have_ten_rows_or_what_is_asked_for() {
    let mut w = world();
    for n in 0..25 {
        w.made(&meeting(&format!("{n}")));
    }
    let all = w.listing(EVENTS);
    assert_eq!((all.rows.len(), all.pages), (25, 3));
    assert_eq!(w.listing(&format!("{EVENTS}?$top=20")).pages, 2);
    assert_eq!(w.get(&format!("{EVENTS}?$top=1001")).status(), Some(400));
    w.prefer = vec!["odata.maxpagesize=5".to_owned()];
    assert_eq!(w.events_delta().pages, 5);
    w.graph.configure(|config| config.page_limit = Some(3));
    assert_eq!(w.events_delta().pages, 9);
    let ids: BTreeSet<String> = w.events_delta().rows.iter().map(|row| id(row).to_owned()).collect();
    assert_eq!(ids.len(), 25);
}

#[test]
fn changes_since_a_moment_can_be_listed() {
    let w = world();
    w.made(&meeting("old"));
    w.clock.advance(60_000);
    let event = w.made(&meeting("new"));
    let since = |word: &str, at: &str| {
        let rows = w.listing(&format!("{EVENTS}?$top=500&$filter=lastModifiedDateTime%20{word}%20{at}")).rows;
        rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let stamp = event["lastModifiedDateTime"].as_str().unwrap();
    assert_eq!(since("ge", stamp), ["new"]);
    assert!(since("gt", stamp).is_empty());
    assert_eq!(since("gt", "2026-03-02T00:00:00Z"), ["old", "new"]);
    assert_eq!(w.get(&format!("{EVENTS}?$filter=subject%20eq%20'x'")).status(), Some(501));
}

#[test]
fn rows_of_occurrences_are_bare_or_whole_and_masters_are_there_or_not() {
    for (rows, members) in [(OccurrenceRows::Bare, 7), (OccurrenceRows::Full, 30)] {
        let w = world_with(Config { occurrence_rows: rows, ..calm() });
        let master = w.made(&weekly(3));
        let second = w.instances(id(&master))[1].clone();
        w.patched(id(&second), &json!({ "subject": "mine" }));
        let delta = w.view_delta();
        assert_eq!(delta.kinds(), ["seriesMaster", "occurrence", "exception", "occurrence"]);
        assert_eq!(delta.rows[0]["start"], master["start"]);
        assert_eq!(delta.rows[2]["subject"], "mine");
        let plain = delta.rows[1].as_object().unwrap();
        let keys: Vec<_> = plain.keys().cloned().collect();
        assert!(if rows == OccurrenceRows::Bare { keys.len() == members } else { keys.len() > members }, "{keys:?}");
        assert_eq!(plain["seriesMasterId"], master["id"]);
        w.graph.configure(|config| config.master_rows = false);
        assert_eq!(w.view_delta().kinds(), ["occurrence", "exception", "occurrence"]);
    }
}

#[test]
fn a_delta_wants_its_window_and_takes_no_options() {
    let w = world();
    let path = "/v1.0/me/calendarView/delta";
    refused(&w.get(path), 400, "ErrorInvalidRequest");
    for option in ["$select=id", "$filter=x", "$expand=extensions", "$orderby=id", "$search=x"] {
        refused(&w.get(&format!("{path}?{WINDOW}&{option}")), 400, "BadRequest");
    }
    let named = format!("/v1.0/me/calendars/{}/calendarView/delta?{WINDOW}", w.calendar);
    assert_eq!(w.get(&named).status(), Some(200));
    w.graph.configure(|config| config.view_delta_on_calendars = false);
    refused(&w.get(&named), 400, "BadRequest");
    w.graph.configure(|config| config.max_window_days = Some(30));
    refused(&w.get(&format!("{path}?{WINDOW}")), 400, "ErrorCalendarViewRangeTooBig");
    w.graph.configure(|config| config.long_window = Bound::Clamp);
    assert_eq!(w.get(&format!("{path}?{WINDOW}")).status(), Some(200));
}

#[test]
fn a_round_tells_every_change_once() {
    let w = world();
    let kept = w.made(&meeting("kept"));
    let gone = w.made(&meeting("gone"));
    let link = w.view_delta().link;
    assert!(w.listing(&link).rows.is_empty());
    w.patched(id(&kept), &json!({ "subject": "changed" }));
    w.delete(id(&gone));
    let new = w.made(&meeting("new"));
    let round = w.listing(&link);
    assert_eq!(round.rows.len(), 3);
    assert_eq!(round.removed(), [id(&gone)]);
    let row = round.rows.iter().find(|row| id(row) == id(&gone)).unwrap();
    let removal =
        json!({ "@odata.type": "#microsoft.graph.event", "id": gone["id"], "@removed": { "reason": "deleted" } });
    assert_eq!(row, &removal);
    assert!(round.rows.iter().any(|row| id(row) == id(&new)));
    assert!(w.listing(&round.link).rows.is_empty());
    assert_eq!(w.listing(&link).rows.len(), 3, "an old link replays");
    w.graph.configure(|config| config.removed_reason = RemovedReason::Changed);
    let again = w.listing(&link);
    let row = again.rows.iter().find(|row| id(row) == id(&gone)).unwrap();
    assert_eq!(row["@removed"]["reason"], "changed");
}

#[test]
fn what_changes_outside_the_window_is_removed_too() {
    for (noise, wanted) in [(true, 2), (false, 1)] {
        let w = world_with(Config { removed_outside_window: noise, ..calm() });
        let inside = w.made(&meeting("inside"));
        let link = w.view_delta().link;
        let far = json!({ "start": at("2026-09-01T10:00:00"), "end": at("2026-09-01T11:00:00") });
        let outside = w.made(&far);
        w.patched(id(&inside), &far);
        let round = w.listing(&link);
        assert_eq!((round.rows.len(), round.removed().len()), (wanted, wanted));
        assert!(round.removed().contains(&id(&inside)), "it left the window");
        assert_eq!(w.event(id(&outside))["id"], outside["id"], "and nothing is deleted");
    }
}

#[test]
fn a_changed_series_comes_again_whole_and_deleted_occurrences_without_a_row() {
    let mut w = world();
    let master = w.made(&weekly(5));
    let link = w.view_delta().link;
    let second = w.instances(id(&master))[1].clone();
    w.delete(id(&second));
    w.prefer = vec!["odata.maxpagesize=2".to_owned()];
    let round = w.listing(&link);
    assert_eq!(round.pages, 1, "a series is never split");
    assert_eq!(round.kinds(), ["seriesMaster", "occurrence", "occurrence", "occurrence", "occurrence"]);
    assert!(round.rows.iter().all(|row| id(row) != id(&second)));
    w.graph.configure(|config| config.deleted_occurrence_rows = true);
    assert_eq!(w.listing(&link).removed(), [id(&second)]);
}

#[test]
fn a_deleted_series_removes_its_master_its_occurrences_or_both() {
    for (form, wanted) in [(SeriesRemoval::Master, 1), (SeriesRemoval::Occurrences, 3), (SeriesRemoval::Both, 4)] {
        let w = world_with(Config { series_removal: form, ..calm() });
        let master = w.made(&weekly(3));
        let link = w.view_delta().link;
        w.delete(id(&master));
        let round = w.listing(&link);
        assert_eq!((round.rows.len(), round.removed().len()), (wanted, wanted), "{form:?}");
        assert_eq!(round.removed().contains(&id(&master)), form != SeriesRemoval::Occurrences);
    }
}

#[test]
fn a_series_that_moves_out_of_the_window_is_removed_in_every_form() {
    for form in [SeriesRemoval::Master, SeriesRemoval::Occurrences, SeriesRemoval::Both] {
        let w = world_with(Config { series_removal: form, ..calm() });
        let master = w.made(&weekly(3));
        let link = w.view_delta().link;
        let mut recurrence = weekly(3)["recurrence"].clone();
        recurrence["range"]["startDate"] = json!("2026-09-01");
        let (start, end) = (at("2026-09-01T10:00:00"), at("2026-09-01T11:00:00"));
        w.patched(id(&master), &json!({ "start": start, "end": end, "recurrence": recurrence }));
        assert_eq!(w.listing(&link).removed(), [id(&master)], "{form:?}");
    }
}

#[test]
fn events_delta_works_in_one_of_five_ways() {
    let w = world();
    let master = w.made(&weekly(3));
    let second = w.instances(id(&master))[1].clone();
    w.patched(id(&second), &json!({ "subject": "mine" }));
    w.made(&meeting("single"));
    let full = w.events_delta();
    assert_eq!(full.kinds(), ["seriesMaster", "exception", "singleInstance"]);
    assert!(full.rows[0]["recurrence"].is_object());
    w.graph.configure(|config| config.exceptions_in_events_delta = false);
    assert_eq!(w.events_delta().kinds(), ["seriesMaster", "singleInstance"]);
    w.graph.configure(|config| config.events_delta = EventsDelta::Minimal);
    let few = w.events_delta();
    assert_eq!(few.kinds(), ["seriesMaster", "singleInstance"]);
    assert!(few.rows.iter().all(|row| row.get("subject").is_none() && row["start"].is_object()));
    w.graph.configure(|config| config.events_delta = EventsDelta::FirstPageOnly);
    refused(&w.get(&full.link), 400, "InvalidDeltaToken");
    assert_eq!(w.events_delta().rows.len(), 3 - 1);
    let path = format!("/v1.0/me/calendars/{}/events/delta", w.calendar);
    w.graph.configure(|config| config.events_delta = EventsDelta::BadRequest);
    assert_eq!(w.get(&path).status(), Some(400));
    w.graph.configure(|config| config.events_delta = EventsDelta::NotImplemented);
    assert_eq!(w.get(&path).status(), Some(501));
}

#[test]
fn events_delta_tells_deletions_and_takes_a_start_but_no_end() {
    let w = world();
    let (start, end) = days(3);
    let early = w.made(&json!({ "subject": "early", "start": start, "end": end }));
    let (start, end) = days(20);
    w.made(&json!({ "subject": "late", "start": start, "end": end }));
    let path = "/v1.0/me/events/delta?startDateTime=2026-03-10T00:00:00Z";
    assert_eq!(w.listing(path).rows.len(), 1);
    refused(&w.get(&format!("{path}&endDateTime=2026-04-01T00:00:00Z")), 400, "BadRequest");
    let link = w.events_delta().link;
    w.delete(id(&early));
    assert_eq!(w.listing(&link).removed(), [id(&early)]);
}

#[test]
fn a_lost_token_is_refused_in_one_of_five_forms() {
    let forms = [
        (LostToken::SyncStateNotFound, 410, "SyncStateNotFound"),
        (LostToken::SyncStateNotFoundWithLocation, 410, "syncStateNotFound"),
        (LostToken::ResyncRequired, 410, "resyncRequired"),
        (LostToken::NotFound, 404, "SyncStateNotFound"),
        (LostToken::BadRequest, 400, "SyncStateNotFound"),
    ];
    for (form, status, code) in forms {
        let w = world_with(Config { lost_token: form, ..calm() });
        w.made(&meeting("x"));
        let link = w.view_delta().link;
        w.graph.expire_delta_tokens(ME);
        let response = w.get(&link);
        refused(&response, status, code);
        if let Some(location) = response.header("location") {
            assert_eq!(w.listing(location).rows.len(), 1, "the location begins anew");
        }
        assert_eq!(response.header("location").is_some(), form == LostToken::SyncStateNotFoundWithLocation);
        w.graph.plan(Fault::next(FaultKind::FullSyncRequired));
        refused(&w.get(&format!("/v1.0/me/calendarView/delta?{WINDOW}")), status, code);
    }
}

#[test]
fn a_token_of_nothing_or_of_another_calendar_is_400() {
    let w = world();
    let link = w.view_delta().link;
    let token = link.split("$deltatoken=").nth(1).unwrap();
    refused(&w.get("/v1.0/me/calendarView/delta?$deltatoken=nonsense"), 400, "InvalidDeltaToken");
    refused(&w.get(&format!("/v1.0/me/events/delta?$deltatoken={token}")), 400, "InvalidDeltaToken");
    let second = w.graph.add_calendar(ME, "Second");
    let other = format!("/v1.0/me/calendars/{second}/calendarView/delta?$deltatoken={token}");
    refused(&w.get(&other), 400, "InvalidDeltaToken");
    w.graph.configure(|config| config.delta_token_life_ms = Some(1_000));
    w.clock.advance(1_000);
    refused(&w.get(&link), 410, "SyncStateNotFound");
}

#[test]
fn nothing_that_changes_between_pages_is_missed() {
    let mut w = world();
    w.prefer = vec!["odata.maxpagesize=2".to_owned()];
    let made: Vec<_> = (0..6).map(|n| w.made(&meeting(&format!("{n}")))).collect();
    let first = w.get(&format!("/v1.0/me/calendarView/delta?{WINDOW}")).json();
    w.patched(id(&made[0]), &json!({ "subject": "changed behind the page" }));
    let rest = w.listing(first["@odata.nextLink"].as_str().unwrap());
    let next = w.listing(&rest.link);
    assert_eq!(next.rows.len(), 1);
    assert_eq!(next.rows[0]["subject"], "changed behind the page");
}

#[test]
fn rows_may_repeat_come_in_any_order_late_or_after_an_empty_page() {
    let mut w = world();
    w.prefer = vec!["odata.maxpagesize=2".to_owned()];
    let made: BTreeSet<String> = (0..6).map(|n| id(&w.made(&meeting(&format!("{n}")))).to_owned()).collect();
    let link = w.view_delta().link;
    w.graph.configure(|config| config.repeats = true);
    let repeated = w.view_delta();
    assert_eq!((repeated.rows.len(), repeated.pages), (6 + 2, 3), "the last row of each page again");
    w.graph.configure(|config| config.repeats = false);
    w.graph.configure(|config| config.empty_first_page = true);
    let page = w.get(&format!("/v1.0/me/calendarView/delta?{WINDOW}")).json();
    assert!(page["value"].as_array().unwrap().is_empty() && page["@odata.nextLink"].is_string());
    assert_eq!(w.view_delta().rows.len(), 6);
    w.graph.configure(|config| {
        config.empty_first_page = false;
        config.delta_lag_ms = 60_000;
    });
    w.clock.advance(60_000);
    let late = w.made(&meeting("late"));
    let now = w.listing(&link);
    assert!(now.rows.is_empty(), "not yet");
    w.clock.advance(60_000);
    assert_eq!(id(&w.listing(&now.link).rows[0]), id(&late));
    let shuffled = world_with(Config { shuffle: Some(7), seed: 3, ..calm() });
    let order: Vec<String> = (0..8).map(|n| id(&shuffled.made(&meeting(&format!("{n}")))).to_owned()).collect();
    let seen: Vec<String> = shuffled.view_delta().rows.iter().map(|row| id(row).to_owned()).collect();
    assert_ne!(seen, order);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>(), order.iter().collect());
    assert_eq!(made.len(), 6);
}

#[test]
fn shuffled_rounds_in_pages_tell_everything_once() {
    let mut w = world_with(Config { shuffle: Some(9), ..calm() });
    w.prefer = vec!["odata.maxpagesize=3".to_owned()];
    let link = w.view_delta().link;
    for n in 0..10 {
        w.made(&meeting(&format!("{n}")));
    }
    let round = w.listing(&link);
    let ids: BTreeSet<&str> = round.rows.iter().map(id).collect();
    assert_eq!((round.rows.len(), ids.len(), round.pages), (10, 10, 4));
}

#[test]
fn a_large_window_over_an_endless_series_times_out() {
    let w = world_with(Config { max_delta_occurrences: Some(50), ..calm() });
    let pattern = json!({ "type": "daily", "interval": 1 });
    w.made(&series(pattern, json!({ "type": "noEnd" })));
    refused(&w.get(&format!("/v1.0/me/calendarView/delta?{WINDOW}")), 504, "UnknownError");
    let small = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";
    assert_eq!(w.get(&format!("/v1.0/me/calendarView/delta?{small}")).status(), Some(200));
}

#[test]
fn a_large_calendar_is_found_completely_and_its_delta_is_small() {
    let mut w = world();
    w.graph.generate(ME, 2_000, 3).unwrap();
    assert_eq!(w.graph.live_count(ME), 2_000);
    w.prefer = vec!["odata.maxpagesize=500".to_owned()];
    let all = w.events_delta();
    let masters = all.rows.iter().filter(|row| row["type"] != "exception").count();
    assert_eq!(masters, 2_000);
    assert!(all.rows.len() > 2_000, "some exceptions");
    let single = all.rows.iter().find(|row| row["type"] == "singleInstance").unwrap();
    w.patched(id(single), &json!({ "subject": "changed" }));
    assert_eq!(w.listing(&all.link).rows.len(), 1);
    let again = world();
    again.graph.generate(ME, 2_000, 3).unwrap();
    let subject = |w: &World| w.graph.truth(ME).iter().map(|row| row["subject"].clone()).collect::<Vec<_>>();
    again.graph.user_patch(ME, id(single), &json!({ "subject": "changed" })).unwrap();
    assert_eq!(subject(&again), subject(&w), "the same seed gives the same events");
}
