//! Removals that are found one by one: what proves them, and when there are too many to be believed.

use serde_json::json;
use tandem_engine::editing::Action;
use tandem_engine::sync::Outcome;
use tandem_providers::microsoft::{Config, EventsDelta, SeriesRemoval};
use tandem_providers::{Fault, FaultKind};

use crate::world::{ACCOUNT, World, meeting, outlook_meeting};

/// A calendar in step with so many events, series if wanted; and their ids at Outlook.
fn filled(config: Config, count: usize, series: bool) -> (World, Vec<String>) {
    let mut world = World::new(config);
    let mut ids = Vec::new();
    for n in 0..count {
        let day = n % 27 + 1;
        let (start, end) = (format!("2026-04-{day:02}T09:00:00"), format!("2026-04-{day:02}T10:00:00"));
        let mut event = outlook_meeting(&format!("event {n}"), &start, &end);
        if series {
            event["recurrence"] = json!({"pattern": {"type": "daily", "interval": 1},
                "range": {"type": "numbered", "startDate": start[..10], "numberOfOccurrences": 3}});
        }
        let made = world.microsoft.user_insert(ACCOUNT, &event).unwrap();
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    world.settle();
    assert_eq!(world.local().len(), count);
    (world, ids)
}

/// Ways of listing, with single events and with series whose removals name only their occurrences.
fn scenes() -> [(Config, bool); 3] {
    let series_removal = SeriesRemoval::Occurrences;
    let windowed = Config { events_delta: EventsDelta::BadRequest, series_removal, ..Config::default() };
    [(Config::default(), false), (windowed.clone(), false), (windowed, true)]
}

#[test]
fn too_many_removals_of_a_delta_are_asked_for() {
    for (config, series) in scenes() {
        for accept in [true, false] {
            let (mut world, ids) = filled(config.clone(), 40, series);
            for id in &ids[..25] {
                world.microsoft.user_delete(ACCOUNT, id).unwrap();
            }
            assert!(matches!(world.poll(), Outcome::Paused(_)), "{config:?}");
            assert!(world.local().len() >= 30, "{}", world.local().len());
            assert_eq!(world.failures(), ["mass-delete"]);
            world.answer_guard(accept);
            world.settle();
            world.rests();
            let left = if accept { 15 } else { world.remote().len() };
            assert_eq!((world.local().len(), world.remote().len()), (left, left), "{config:?} {series}");
            assert!(accept || left >= 30, "{left}");
            assert_eq!(world.failures(), Vec::<String>::new());
        }
    }
}

#[test]
fn few_removals_or_a_small_part_of_the_calendar_are_believed() {
    for (config, series) in scenes() {
        for (all, removed) in [(3, 3), (40, 12)] {
            let (mut world, ids) = filled(config.clone(), all, series);
            for id in &ids[..removed] {
                world.microsoft.user_delete(ACCOUNT, id).unwrap();
            }
            assert!(matches!(world.poll(), Outcome::Idle(_)), "{config:?} {removed} of {all}");
            assert_eq!(world.local().len(), all - removed, "{config:?}");
            world.rests();
        }
    }
}

#[test]
fn removals_that_come_in_many_small_pages_are_counted_together() {
    let (mut world, ids) = filled(Config { page_limit: Some(4), ..Config::default() }, 40, false);
    for id in &ids[..30] {
        world.microsoft.user_delete(ACCOUNT, id).unwrap();
    }
    assert!(matches!(world.poll(), Outcome::Paused(_)));
    assert!(world.local().len() >= 30, "{}", world.local().len());
}

#[test]
fn a_mailbox_that_is_away_is_no_news_of_its_events() {
    for code in ["ResourceNotFound", "MailboxNotEnabledForRESTAPI", "UnknownError"] {
        let (mut world, ids) = filled(Config::default(), 3, false);
        world.create(&meeting("mine", "mine", "2026-04-05T09:00:00"));
        world.settle();
        let body = json!({"error": {"code": code, "message": ""}}).to_string();
        let away = || Fault::next(FaultKind::Raw { status: 404, body: body.clone() }).on_path("*/events/*").times(2);
        // It does not hide what is deleted here,
        world.microsoft.plan(away().on_method("DELETE"));
        world.edit(Some("mine"), None, Action::Delete);
        world.settle();
        assert_eq!(world.remote().len(), 3, "{code}: the deletion is made when the mailbox is back");
        // and it does not delete what it does not show.
        world.microsoft.plan(away().on_method("GET"));
        world.microsoft.plan(away().on_method("PATCH"));
        world.microsoft.user_patch(ACCOUNT, &ids[0], &json!({"importance": "high"})).unwrap();
        let uid = world.titled("event 1")["uid"].as_str().unwrap().to_owned();
        world.patch(&uid, &json!({"title": "event 1, changed"}));
        world.poll();
        assert_eq!((world.local().len(), world.remote().len()), (3, 3), "{code}");
        assert_eq!(world.subject("event 1, changed")["type"], "singleInstance");
        world.rests();
    }
}

/// Step until so many series have been asked for, and more are left.
fn until_half_way(world: &mut World) {
    world.clock.advance(2 * 3_600_000);
    while world.state().doubt.is_none_or(|after| after.is_empty()) {
        assert_eq!(world.step(), Outcome::Again);
    }
}

#[test]
fn a_removal_while_series_are_being_asked_for_is_found_too() {
    let (config, _) = scenes()[2].clone();
    let (mut world, ids) = filled(config, 120, true);
    world.microsoft.user_delete(ACCOUNT, &ids[0]).unwrap();
    until_half_way(&mut world);
    // The one that was asked for first.
    let first = world.memory.shadows.values().find(|shadow| !shadow.gone).unwrap().remote_id.clone();
    world.microsoft.user_delete(ACCOUNT, &first).unwrap();
    world.poll();
    assert_eq!((world.local().len(), world.remote().len()), (118, 118));
    world.rests();
}

#[test]
fn a_series_that_cannot_be_read_while_series_are_asked_for_is_recorded() {
    let (config, _) = scenes()[2].clone();
    let (mut world, ids) = filled(config, 3, true);
    world.poll();
    world.microsoft.user_delete(ACCOUNT, &ids[0]).unwrap();
    let denied = FaultKind::Raw { status: 403, body: json!({"error": {"code": "ErrorAccessDenied"}}).to_string() };
    let path = world.path_of("event 1");
    world.microsoft.plan(Fault::next(denied).on_path(&path));
    world.poll();
    assert_eq!(world.local().len(), 2);
    assert_eq!(world.failures(), ["unreadable-event"]);
    world.microsoft.user_patch(ACCOUNT, &ids[1], &json!({"importance": "high"})).unwrap();
    world.poll();
    assert_eq!(world.failures(), Vec::<String>::new());
}

#[test]
fn what_is_made_here_and_deleted_there_before_a_listing_shows_it_goes() {
    // Of those that are there and that no listing shows, too, with a lag.
    for delta_lag_ms in [0, 3 * 3_600_000] {
        let silent = Config { removed_outside_window: false, delta_lag_ms, ..Config::default() };
        let mut world = World::new(silent);
        world.settle();
        for title in ["one", "two", "three"] {
            world.create(&meeting(title, title, "2026-04-05T09:00:00"));
        }
        while world.remote().len() < 3 {
            world.step();
        }
        let id = world.subject("two")["id"].as_str().unwrap().to_owned();
        world.microsoft.user_delete(ACCOUNT, &id).unwrap();
        world.poll();
        assert_eq!((world.local().len(), world.remote().len()), (2, 2), "{delta_lag_ms}");
        let id = world.subject("three")["id"].as_str().unwrap().to_owned();
        world.microsoft.user_delete(ACCOUNT, &id).unwrap();
        world.poll();
        assert_eq!((world.local().len(), world.remote().len()), (1, 1), "{delta_lag_ms}");
        world.rests();
        // What a listing has shown is not asked for any more.
        let reads = |world: &World| {
            let log = world.microsoft.log();
            log.iter().filter(|line| line.path.contains("/events/") && !line.path.contains("delta")).count()
        };
        world.poll();
        let before = reads(&world);
        assert!(before > 0, "they were asked for");
        world.poll();
        assert_eq!(reads(&world), before, "{delta_lag_ms}");
    }
}

#[test]
fn too_many_that_no_listing_has_shown_are_asked_for() {
    let mut world = World::new(Config { removed_outside_window: false, ..Config::default() });
    world.settle();
    for n in 0..20 {
        let title = format!("event {n}");
        world.create(&meeting(&title, &title, "2026-04-05T09:00:00"));
    }
    while world.remote().len() < 20 {
        world.step();
    }
    for event in world.remote() {
        world.microsoft.user_delete(ACCOUNT, event["id"].as_str().unwrap()).unwrap();
    }
    assert!(matches!(world.poll(), Outcome::Paused(_)));
    assert_eq!(world.local().len(), 20);
    world.accept_deletions();
    world.settle();
    assert_eq!(world.local().len(), 0);
    world.rests();
}
