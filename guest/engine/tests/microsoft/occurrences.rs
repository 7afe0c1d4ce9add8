//! Single occurrences that are not where the series says, or not shown at all.

use serde_json::{Value, json};
use tandem_engine::editing::Action;
use tandem_engine::sync::Outcome;
use tandem_providers::microsoft::Config;
use tandem_providers::{Fault, FaultKind};

use crate::world::{ACCOUNT, World, outlook_meeting};

/// With exceptions beside their masters, and without.
fn configs() -> [Config; 2] {
    [Config::default(), Config { occurrence_properties: false, ..Config::default() }]
}

/// A series on Wednesdays, in step; and the ids of its first occurrences at Outlook.
fn weekly(config: Config) -> (World, Vec<String>) {
    let mut world = World::new(config);
    let mut event = outlook_meeting("weekly", "2026-03-04T09:00:00", "2026-03-04T10:00:00");
    event["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"], "firstDayOfWeek": "sunday"},
        "range": {"type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": 6},
    });
    world.microsoft.user_insert(ACCOUNT, &event).unwrap();
    world.settle();
    let ids = occurrences(&world).iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    (world, ids)
}

/// All occurrences at Outlook.
fn occurrences(world: &World) -> Vec<Value> {
    let id = world.subject("weekly")["id"].as_str().unwrap().to_owned();
    world.microsoft.occurrences(ACCOUNT, &id, 1_772_400_000_000, 1_776_700_000_000)
}

/// Edit the occurrence of that date in the application.
fn edit(world: &mut World, date: &str, action: Action) {
    let uid = world.titled("weekly")["uid"].as_str().unwrap().to_owned();
    world.edit(Some(&uid), Some(&format!("{date}T09:00:00")), action);
}

fn title(text: &str) -> Action {
    Action::Patch(json!({"title": text}).to_string())
}

#[test]
fn an_edit_of_an_occurrence_that_was_moved_far_away_is_written() {
    for config in configs() {
        let (mut world, ids) = weekly(config);
        let at = |text| json!({"dateTime": text, "timeZone": "W. Europe Standard Time"});
        let (start, end) = (at("2026-03-14T15:00:00"), at("2026-03-14T16:00:00"));
        world.microsoft.user_move(ACCOUNT, &ids[1], &start, &end).unwrap();
        // Not pulled yet.
        edit(&mut world, "2026-03-11", title("mine"));
        world.settle();
        let there = &occurrences(&world)[1];
        assert_eq!(
            (&there["subject"], &there["start"]["dateTime"]),
            (&json!("mine"), &json!("2026-03-14T15:00:00.0000000"))
        );
        world.rests();
        let expected = json!({"title": "mine", "start": "2026-03-14T15:00:00"});
        assert_eq!(world.titled("weekly")["recurrenceOverrides"]["2026-03-11T09:00:00"], expected);
        assert_eq!(world.failures(), Vec::<String>::new());
    }
}

#[test]
fn an_occurrence_that_was_moved_far_away_and_deleted_here_goes() {
    for config in configs() {
        let (mut world, ids) = weekly(config);
        let at = |text| json!({"dateTime": text, "timeZone": "W. Europe Standard Time"});
        let (start, end) = (at("2026-03-14T15:00:00"), at("2026-03-14T16:00:00"));
        world.microsoft.user_move(ACCOUNT, &ids[1], &start, &end).unwrap();
        edit(&mut world, "2026-03-11", Action::Delete);
        world.settle();
        world.rests();
        // An edit there and a deletion here: nothing is lost, and both sides end the same.
        let shown = occurrences(&world).iter().any(|one| one["start"]["dateTime"] == "2026-03-14T15:00:00.0000000");
        let excluded = world.titled("weekly")["recurrenceOverrides"]["2026-03-11T09:00:00"]["excluded"] == true;
        assert_ne!(shown, excluded, "{:#?}", world.titled("weekly"));
    }
}

#[test]
fn an_edit_of_an_occurrence_that_outlook_does_not_show_is_recorded() {
    let empty = FaultKind::Raw { status: 200, body: json!({"value": []}).to_string() };
    let denied = FaultKind::Raw { status: 403, body: json!({"error": {"code": "ErrorAccessDenied"}}).to_string() };
    for (kind, code) in [(empty, "occurrence-not-found"), (denied, "microsoft-403-ErrorAccessDenied")] {
        let (mut world, _) = weekly(Config::default());
        world.microsoft.plan(Fault::next(kind).on_path("*/instances"));
        edit(&mut world, "2026-03-11", title("mine"));
        edit(&mut world, "2026-03-18", title("other"));
        world.settle();
        assert_eq!(world.failures(), [code]);
        let subjects: Vec<Value> = occurrences(&world).iter().map(|one| one["subject"].clone()).collect();
        assert_eq!(subjects[1..3], [json!("weekly"), json!("other")], "the others go on");
        assert_eq!(world.titled("weekly")["recurrenceOverrides"]["2026-03-11T09:00:00"]["title"], "mine");
        world.rests();
        // The next change takes it along.
        edit(&mut world, "2026-03-25", title("third"));
        world.settle();
        assert_eq!(occurrences(&world)[1]["subject"], "mine");
        assert_eq!(world.failures(), Vec::<String>::new());
    }
}

#[test]
fn an_edit_of_an_occurrence_of_a_series_that_is_gone_brings_it_back() {
    let (mut world, _) = weekly(Config::default());
    let id = world.subject("weekly")["id"].as_str().unwrap().to_owned();
    world.microsoft.user_delete(ACCOUNT, &id).unwrap();
    edit(&mut world, "2026-03-11", title("mine"));
    world.settle();
    world.rests();
    assert_eq!(occurrences(&world)[1]["subject"], "mine");
    assert_eq!(world.titled("weekly")["recurrenceOverrides"]["2026-03-11T09:00:00"]["title"], "mine");
}

#[test]
fn the_description_of_one_occurrence_leaves_the_online_meeting_alone() {
    for config in configs() {
        let mut world = World::new(config);
        let mut event = outlook_meeting("weekly", "2026-03-04T09:00:00", "2026-03-04T10:00:00");
        event["recurrence"] = json!({
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"], "firstDayOfWeek": "sunday"},
            "range": {"type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": 4},
        });
        event["isOnlineMeeting"] = json!(true);
        event["body"] = json!({"contentType": "html", "content": "<p>Agenda</p>"});
        let link = world.microsoft.user_insert(ACCOUNT, &event).unwrap()["onlineMeeting"]["joinUrl"].clone();
        world.settle();
        assert_eq!(world.titled("weekly")["description"], "Agenda");
        let description = |text: &str| Action::Patch(json!({"description": text}).to_string());
        // An occurrence without a row of its own, and then one that has it.
        for text in ["Other agenda", "Third agenda"] {
            edit(&mut world, "2026-03-11", description(text));
            world.poll();
            let one = &occurrences(&world)[1];
            let content = one["body"]["content"].as_str().unwrap();
            assert!(content.contains(text) && content.contains(link.as_str().unwrap()), "{content}");
            assert_eq!((&one["isOnlineMeeting"], &one["onlineMeeting"]["joinUrl"]), (&json!(true), &link));
            let expected = json!({"2026-03-11T09:00:00": {"description": text}});
            assert_eq!(world.titled("weekly")["recurrenceOverrides"], expected);
            world.rests();
        }
    }
}

#[test]
fn an_occurrence_that_is_an_online_meeting_by_itself_keeps_its_link() {
    let (mut world, ids) = weekly(Config::default());
    let block = "<div class=\"me-email-text\">____<br><a href=\"https://teams.invalid/1\">Join</a></div>";
    let body = json!({"contentType": "html", "content": format!("<html><body><p>Agenda</p>{block}</body></html>")});
    world.microsoft.user_patch(ACCOUNT, &ids[1], &json!({"isOnlineMeeting": true, "body": body})).unwrap();
    world.poll();
    assert_eq!(world.titled("weekly")["recurrenceOverrides"]["2026-03-11T09:00:00"]["description"], "Agenda");
    edit(&mut world, "2026-03-11", Action::Patch(json!({"description": "Mine"}).to_string()));
    world.poll();
    let content = occurrences(&world)[1]["body"]["content"].as_str().unwrap().to_owned();
    assert!(content.contains("Mine") && content.contains("https://teams.invalid/1"), "{content}");
    assert_eq!(occurrences(&world)[1]["isOnlineMeeting"], true);
    world.rests();
}

/// Hours in which edits of occurrences cannot be written.
fn hours_of_trouble(world: &mut World, meanwhile: impl FnOnce(&mut World)) {
    let away = FaultKind::ServerError(500);
    world.microsoft.plan(Fault::next(away).on_path("*/instances*").times(30));
    let mut meanwhile = Some(meanwhile);
    for _ in 0..400 {
        match world.step() {
            Outcome::Retry { at_ms, .. } => world.clock.set(i64::try_from(at_ms).unwrap()),
            Outcome::Idle(_) => return,
            _ => {}
        }
        if world.memory.queue.values().any(|entry| entry.attempts > 21)
            && let Some(meanwhile) = meanwhile.take()
        {
            meanwhile(world);
        }
    }
    panic!("it is never written");
}

#[test]
fn an_occurrence_that_goes_during_hours_of_trouble_is_a_conflict_not_a_riddle() {
    for config in configs() {
        let (mut world, _) = weekly(Config { delta_lag_ms: 12 * 3_600_000, ..config });
        edit(&mut world, "2026-04-08", title("mine"));
        hours_of_trouble(&mut world, |world| {
            let id = world.subject("weekly")["id"].as_str().unwrap().to_owned();
            let shorter = json!({"recurrence": {
                "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"], "firstDayOfWeek": "sunday"},
                "range": {"type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": 3},
            }});
            world.microsoft.user_patch(ACCOUNT, &id, &shorter).unwrap();
        });
        world.rests();
        assert_eq!(world.failures(), Vec::<String>::new());
        let records: Vec<_> = world.memory.conflicts.values().collect();
        assert!(records.iter().any(|record| record.local.as_deref().is_some_and(|text| text.contains("mine"))));
        assert_eq!(occurrences(&world).len(), 3);
    }
}

#[test]
fn what_was_refused_is_still_told_after_hours_of_trouble() {
    let (mut world, ids) = weekly(Config { occurrence_properties: false, ..Config::default() });
    world.microsoft.user_delete(ACCOUNT, &ids[0]).unwrap();
    edit(&mut world, "2026-03-04", title("not to be had"));
    edit(&mut world, "2026-04-08", title("mine"));
    while world.failures().is_empty() {
        world.step();
    }
    assert_eq!(world.failures(), ["deleted-occurrence"]);
    hours_of_trouble(&mut world, |_| {});
    assert_eq!(world.failures(), ["deleted-occurrence"]);
    assert!(occurrences(&world).iter().any(|one| one["subject"] == "mine"));
}
