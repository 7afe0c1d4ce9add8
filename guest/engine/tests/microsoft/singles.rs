//! Single events, both ways.

use serde_json::json;
use tandem_engine::editing::Action;
use tandem_providers::microsoft::{Config, RepeatedTransaction};
use tandem_providers::{Fault, FaultKind};

use crate::world::{ACCOUNT, World, meeting, outlook_meeting};

#[test]
fn an_event_goes_both_ways_and_rests() {
    let mut world = World::new(Config::default());
    world.create(&meeting("a", "here", "2026-03-04T09:00:00"));
    let there = outlook_meeting("there", "2026-03-05T09:00:00", "2026-03-05T10:30:00");
    world.microsoft.user_insert(ACCOUNT, &there).unwrap();
    world.settle();
    let there = world.titled("there");
    let when = [&there["start"], &there["timeZone"], &there["duration"]];
    assert_eq!(when, ["2026-03-05T09:00:00", "Europe/Berlin", "PT1H30M"]);
    let here = world.subject("here");
    assert_eq!(
        here["start"],
        json!({"dateTime": "2026-03-04T09:00:00.0000000", "timeZone": "W. Europe Standard Time"})
    );
    world.rests();

    world.patch("a", &json!({"title": "here, changed", "start": "2026-03-04T11:00:00"}));
    let id = world.subject("there")["id"].as_str().unwrap().to_owned();
    world.microsoft.user_patch(ACCOUNT, &id, &json!({"subject": "there, changed"})).unwrap();
    world.poll();
    assert_eq!(world.subject("here, changed")["start"]["dateTime"], "2026-03-04T11:00:00.0000000");
    assert_eq!(world.titled("there, changed")["duration"], "PT1H30M");
    world.rests();

    world.edit(Some("a"), None, Action::Delete);
    world.microsoft.user_delete(ACCOUNT, &id).unwrap();
    world.poll();
    assert!(world.remote().is_empty() && world.local().is_empty(), "{:#?}", world.local());
    world.rests();
    assert_eq!(world.failures(), Vec::<String>::new());
}

#[test]
fn a_create_whose_answer_is_lost_is_made_once() {
    for repeated in [RepeatedTransaction::Created, RepeatedTransaction::Ok, RepeatedTransaction::Conflict] {
        let mut world = World::new(Config { repeated_transaction: repeated, ..Config::default() });
        world.settle();
        world.microsoft.plan(Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/events"));
        world.create(&meeting("a", "once", "2026-03-04T09:00:00"));
        world.poll();
        assert_eq!((world.remote().len(), world.local().len()), (1, 1), "{repeated:?}");
        assert_eq!(world.titled("once")["uid"], "a", "{repeated:?}");
        world.rests();
        world.patch("a", &json!({"title": "changed"}));
        world.poll();
        assert_eq!(world.subject("changed")["type"], "singleInstance", "{repeated:?}");
    }
}

#[test]
fn an_edit_between_a_lost_creation_and_its_repetition_is_written() {
    for repeated in [RepeatedTransaction::Created, RepeatedTransaction::Ok, RepeatedTransaction::Conflict] {
        let mut world = World::new(Config { repeated_transaction: repeated, ..Config::default() });
        world.settle();
        world.microsoft.plan(Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/events"));
        world.create(&meeting("a", "lunch", "2026-03-04T09:00:00"));
        world.step();
        assert_eq!(world.subject("lunch")["type"], "singleInstance", "it was applied");
        world.clock.advance(1_500);
        world.patch("a", &json!({"title": "dinner"}));
        world.poll();
        assert_eq!((world.remote().len(), world.local().len()), (1, 1), "{repeated:?}");
        assert_eq!(world.subject("dinner")["type"], "singleInstance", "{repeated:?}");
        world.rests();
        assert_eq!(world.titled("dinner")["uid"], "a", "{repeated:?}");
    }
}

#[test]
fn a_create_that_was_applied_and_then_deleted_there_is_made_again_under_another_transaction() {
    let mut world = World::new(Config::default());
    world.settle();
    world.microsoft.plan(Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/events"));
    world.create(&meeting("a", "again", "2026-03-04T09:00:00"));
    world.step();
    let id = world.subject("again")["id"].as_str().unwrap().to_owned();
    world.microsoft.user_delete(ACCOUNT, &id).unwrap();
    world.poll();
    assert_eq!((world.remote().len(), world.local().len()), (1, 1));
    world.rests();
}

#[test]
fn a_change_key_that_drifts_by_itself_is_no_conflict() {
    let mut world = World::new(Config { drift_is_listed: false, ..Config::default() });
    world.create(&meeting("a", "drifts", "2026-03-04T09:00:00"));
    world.settle();
    world.clock.advance(10_000);
    world.patch("a", &json!({"title": "changed"}));
    world.settle();
    assert_eq!(world.subject("changed")["type"], "singleInstance");
    assert!(world.memory.conflicts.is_empty() && world.failures().is_empty());
    world.rests();
}

#[test]
fn what_tandem_does_not_know_survives_and_attendees_are_not_mailed() {
    let mut world = World::new(Config::default());
    let mut event = outlook_meeting("plan", "2026-03-05T09:00:00", "2026-03-05T10:00:00");
    event["attendees"] = json!([{"type": "required", "emailAddress": {"address": "bob@example.com", "name": "Bob"}}]);
    event["isOnlineMeeting"] = json!(true);
    event["body"] = json!({"contentType": "html", "content": "<p>Agenda</p>"});
    event["hideAttendees"] = json!(true);
    event["showAs"] = json!("oof");
    event["categories"] = json!(["Red"]);
    event["importance"] = json!("high");
    world.microsoft.user_insert(ACCOUNT, &event).unwrap();
    world.settle();
    let mails = world.microsoft.counters().mails;
    let local = world.titled("plan");
    assert_eq!(local["description"], "Agenda", "{local:#?}");
    assert_eq!(
        (&local["freeBusyStatus"], &local["priority"], &local["keywords"]),
        (&json!("unavailable"), &json!(1), &json!({"Red": true}))
    );
    assert_eq!(local["participants"].as_object().unwrap().len(), 2);
    let uid = local["uid"].as_str().unwrap().to_owned();
    world.patch(&uid, &json!({"description": "New agenda", "keywords": {"Red": true, "Blue": true}}));
    world.poll();
    let remote = world.subject("plan");
    assert_eq!(remote["isOnlineMeeting"], true, "{remote:#?}");
    assert!(remote["body"]["content"].as_str().unwrap().contains("New agenda"), "{remote:#?}");
    assert_eq!((&remote["hideAttendees"], &remote["categories"]), (&json!(true), &json!(["Blue", "Red"])));
    assert_eq!(remote["attendees"].as_array().unwrap().len(), 1);
    assert_eq!(world.microsoft.counters().mails, mails);
    assert_eq!(world.titled("plan")["description"], "New agenda");
    world.rests();
}

#[test]
fn days_without_a_time_are_dates_in_every_zone() {
    for zone in ["W. Europe Standard Time", "Pacific Standard Time", "Tokyo Standard Time", "UTC"] {
        for all_day_floats in [false, true] {
            let mut world = World::new(Config { all_day_floats, ..Config::default() });
            let at = |date| json!({"dateTime": date, "timeZone": zone});
            let (start, end) = (at("2026-07-01T00:00:00"), at("2026-07-03T00:00:00"));
            let event = json!({"subject": "trip", "isAllDay": true, "start": start, "end": end});
            world.microsoft.user_insert(ACCOUNT, &event).unwrap();
            world.create(&json!({"uid": "b", "title": "day", "start": "2026-07-10T00:00:00", "showWithoutTime": true, "duration": "P1D"}));
            world.settle();
            let local = world.titled("trip");
            assert_eq!((&local["start"], &local["duration"]), (&json!("2026-07-01T00:00:00"), &json!("P2D")), "{zone}");
            assert_eq!((&local["showWithoutTime"], &local["timeZone"]), (&json!(true), &json!(null)), "{zone}");
            let uid = local["uid"].as_str().unwrap().to_owned();
            world.patch(&uid, &json!({"start": "2026-07-02T00:00:00"}));
            world.poll();
            let remote = world.subject("trip");
            assert_eq!(remote["start"], json!({"dateTime": "2026-07-02T00:00:00.0000000", "timeZone": zone}));
            assert_eq!(world.subject("day")["isAllDay"], true);
            world.rests();
        }
    }
}

#[test]
fn a_zone_is_not_rewritten_by_a_round_trip() {
    for (received, expected) in [
        ("Romance Standard Time", "Europe/Paris"),
        ("Europe/Vienna", "Europe/Vienna"),
        ("India Standard Time", "Asia/Kolkata"),
        ("Asia/Kolkata", "Asia/Kolkata"),
    ] {
        let mut world = World::new(Config::default());
        let at = |time| json!({"dateTime": time, "timeZone": received});
        let event = json!({"subject": "x", "start": at("2026-07-01T09:00:00"), "end": at("2026-07-01T10:00:00")});
        if world.microsoft.user_insert(ACCOUNT, &event).is_err() {
            continue;
        }
        world.settle();
        let local = world.titled("x");
        assert_eq!((&local["start"], &local["timeZone"]), (&json!("2026-07-01T09:00:00"), &json!(expected)));
        let uid = local["uid"].as_str().unwrap().to_owned();
        world.patch(&uid, &json!({"start": "2026-07-01T12:00:00"}));
        world.poll();
        assert_eq!(
            world.subject("x")["start"],
            json!({"dateTime": "2026-07-01T12:00:00.0000000", "timeZone": received})
        );
        world.rests();
    }
}

#[test]
fn a_custom_zone_is_kept_and_its_instants_are_used() {
    let mut world = World::new(Config::default());
    let mut event = outlook_meeting("custom", "2026-07-01T09:00:00", "2026-07-01T10:00:00");
    event["originalStartTimeZone"] = json!("tzone://Microsoft/Custom");
    world.microsoft.user_insert(ACCOUNT, &event).unwrap();
    world.settle();
    let local = world.titled("custom");
    assert_eq!((&local["start"], &local["timeZone"]), (&json!("2026-07-01T07:00:00"), &json!("Etc/UTC")));
    assert_eq!(local["microsoft.com:timeZone"], "tzone://Microsoft/Custom");
    world.rests();
}

#[test]
fn an_invitation_is_the_organizers_but_for_what_is_ones_own() {
    let mut world = World::new(Config::default());
    let mut event = outlook_meeting("invited", "2026-03-05T09:00:00", "2026-03-05T10:00:00");
    event["organizer"] = json!({"emailAddress": {"address": "boss@example.com", "name": "Boss"}});
    event["attendees"] = json!([{"type": "required", "emailAddress": {"address": ACCOUNT, "name": "Ada"}}]);
    world.microsoft.user_insert(ACCOUNT, &event).unwrap();
    world.settle();
    let local = world.titled("invited");
    assert_eq!(local["microsoft.com:isOrganizer"], false);
    let uid = local["uid"].as_str().unwrap().to_owned();
    let alert = json!({"@type": "Alert", "trigger": {"@type": "OffsetTrigger", "offset": "-PT5M"}});
    world.patch(&uid, &json!({"alerts": {"mine": alert}, "keywords": {"Work": true}}));
    world.poll();
    assert_eq!(world.failures(), Vec::<String>::new());
    let remote = world.subject("invited");
    assert_eq!((&remote["reminderMinutesBeforeStart"], &remote["categories"]), (&json!(5), &json!(["Work"])));
    world.patch(&uid, &json!({"title": "mine now"}));
    world.poll();
    assert_eq!(world.failures(), ["not-the-organizer"]);
    assert_eq!(world.subject("invited")["type"], "singleInstance");
    world.rests();
}
