//! Listings: both deltas, their lost tokens, and what is no proof of a deletion.

use serde_json::json;
use tandem_engine::sync::Outcome;
use tandem_providers::microsoft::{Config, EventsDelta, LostToken, OccurrenceRows, SeriesRemoval};
use tandem_providers::{Fault, FaultKind};

use crate::world::{ACCOUNT, World, meeting, outlook_meeting};

fn fill(world: &World, count: usize) {
    for n in 0..count {
        let day = n % 27 + 1;
        let (start, end) = (format!("2026-04-{day:02}T09:00:00"), format!("2026-04-{day:02}T10:00:00"));
        world.microsoft.user_insert(ACCOUNT, &outlook_meeting(&format!("event {n}"), &start, &end)).unwrap();
    }
}

#[test]
fn every_way_of_listing_ends_the_same() {
    let deltas = [
        EventsDelta::Full,
        EventsDelta::Minimal,
        EventsDelta::FirstPageOnly,
        EventsDelta::BadRequest,
        EventsDelta::NotImplemented,
    ];
    for events_delta in deltas {
        for (repeats, empty_first_page, rows) in
            [(false, false, OccurrenceRows::Bare), (true, true, OccurrenceRows::Full)]
        {
            let config = Config { events_delta, repeats, empty_first_page, occurrence_rows: rows, ..Config::default() };
            let mut world = World::new(config);
            fill(&world, 120);
            world.settle();
            assert_eq!(world.local().len(), 120, "{events_delta:?}");
            let windowed = !matches!(events_delta, EventsDelta::Full | EventsDelta::Minimal);
            world.poll();
            assert_eq!(world.state().span.is_some(), windowed, "{events_delta:?}");
            let id = world.subject("event 7")["id"].as_str().unwrap().to_owned();
            world.microsoft.user_delete(ACCOUNT, &id).unwrap();
            world.poll();
            assert_eq!(world.local().len(), 119, "{events_delta:?}");
            world.rests();
        }
    }
}

#[test]
fn a_page_that_fails_costs_nothing() {
    for path in ["*/delta", "*batch"] {
        let config = Config { events_delta: EventsDelta::Minimal, ..Config::default() };
        let mut world = World::new(config);
        world.settle();
        fill(&world, 120);
        world.microsoft.plan(Fault::next(FaultKind::ServerError(503)).on_path(path).after(1));
        world.microsoft.plan(Fault::next(FaultKind::Truncated).on_path(path).after(1));
        world.clock.advance(120_000);
        world.settle();
        assert_eq!(world.local().len(), 120, "{path}");
        assert!(world.microsoft.with_faults(|faults| faults.hits()) >= 2, "{path}");
        world.rests();
    }
}

#[test]
fn a_single_read_of_a_batch_that_is_throttled_is_waited_for() {
    let mut world = World::new(Config { events_delta: EventsDelta::Minimal, ..Config::default() });
    fill(&world, 5);
    let busy = FaultKind::TooManyRequests { retry_after_s: Some(77) };
    world.microsoft.plan(Fault::next(busy).on_method("GET").on_path("*/events/A*"));
    let began_ms = world.state().synced_ms;
    let outcome = world.step();
    let Outcome::Retry { at_ms, .. } = outcome else { panic!("{outcome:?}") };
    assert!(at_ms >= 1_772_438_400_000 + 77_000, "{at_ms}");
    assert!(world.local().is_empty() && began_ms == 0, "nothing of the page was committed");
    world.settle();
    assert_eq!(world.local().len(), 5);
}

#[test]
fn a_lost_token_lists_again_and_deletes_only_what_is_gone() {
    let forms = [
        LostToken::SyncStateNotFound,
        LostToken::SyncStateNotFoundWithLocation,
        LostToken::ResyncRequired,
        LostToken::NotFound,
        LostToken::BadRequest,
    ];
    for lost_token in forms {
        for events_delta in [EventsDelta::Full, EventsDelta::BadRequest] {
            let mut world = World::new(Config { lost_token, events_delta, ..Config::default() });
            fill(&world, 30);
            world.settle();
            let id = world.subject("event 3")["id"].as_str().unwrap().to_owned();
            world.microsoft.user_delete(ACCOUNT, &id).unwrap();
            world.microsoft.expire_delta_tokens(ACCOUNT);
            world.poll();
            assert_eq!(world.local().len(), 29, "{lost_token:?}");
            assert_eq!(world.failures(), Vec::<String>::new());
            world.rests();
        }
    }
}

#[test]
fn what_leaves_the_window_lives_and_what_is_deleted_outside_goes() {
    let mut world = World::new(Config { events_delta: EventsDelta::BadRequest, ..Config::default() });
    fill(&world, 4);
    world.create(&meeting("far", "far", "2030-05-01T09:00:00"));
    world.settle();
    assert_eq!((world.local().len(), world.remote().len()), (5, 5));
    // Moved out of the window by somebody: removed from the listing, and there.
    let id = world.subject("event 1")["id"].as_str().unwrap().to_owned();
    let at = |text| json!({"dateTime": text, "timeZone": "UTC"});
    world.microsoft.user_move(ACCOUNT, &id, &at("2029-01-01T09:00:00"), &at("2029-01-01T10:00:00")).unwrap();
    world.poll();
    assert_eq!(world.titled("event 1")["start"], "2029-01-01T09:00:00");
    // Far in time, known, and deleted: the next window proves it.
    let far = world.subject("far")["id"].as_str().unwrap().to_owned();
    world.microsoft.configure(|config| config.removed_outside_window = false);
    world.microsoft.user_delete(ACCOUNT, &far).unwrap();
    world.poll();
    let window = world.state().span.unwrap();
    world.clock.advance(200 * 86_400_000);
    world.settle();
    assert!(world.state().span.unwrap().from_ms > window.from_ms);
    assert_eq!(world.local().len(), 4, "{:#?}", world.local());
    assert_eq!(world.remote().len(), 4);
    world.rests();
}

#[test]
fn only_proven_deletions_count_for_the_guard() {
    let mut world = World::new(Config { events_delta: EventsDelta::BadRequest, ..Config::default() });
    fill(&world, 40);
    world.settle();
    // All of them leave the window: nothing is asked.
    world.clock.advance(400 * 86_400_000);
    assert!(matches!(world.settle(), Outcome::Idle(_)));
    assert_eq!(world.local().len(), 40);
    // All of them are deleted while the token is lost: that is asked.
    for event in world.remote() {
        world.microsoft.user_delete(ACCOUNT, event["id"].as_str().unwrap()).unwrap();
    }
    world.microsoft.expire_delta_tokens(ACCOUNT);
    assert!(matches!(world.poll(), Outcome::Paused(_)));
    assert_eq!(world.local().len(), 40);
}

#[test]
fn a_series_whose_removal_names_only_the_master_or_all_goes() {
    for series_removal in [SeriesRemoval::Master, SeriesRemoval::Both, SeriesRemoval::Occurrences] {
        let config = Config { events_delta: EventsDelta::BadRequest, series_removal, ..Config::default() };
        let mut world = World::new(config);
        let mut event = outlook_meeting("series", "2026-03-04T09:00:00", "2026-03-04T10:00:00");
        event["recurrence"] = json!({"pattern": {"type": "daily", "interval": 1},
            "range": {"type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": 5}});
        let id = world.microsoft.user_insert(ACCOUNT, &event).unwrap()["id"].as_str().unwrap().to_owned();
        fill(&world, 3);
        world.settle();
        assert_eq!(world.local().len(), 4);
        world.microsoft.user_delete(ACCOUNT, &id).unwrap();
        world.poll();
        assert_eq!(world.local().len(), 3, "{series_removal:?}");
        world.rests();
    }
}
