//! What an event holds survives the way there and back, without mail to anybody (invariants I17, I18).

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Edit};
use tandem_tests::world::{ACCOUNT, World, edit_of, google_meeting, meeting};

use super::{document, in_step, only_id, quiet};

/// Create it here, and see what Google has.
fn there(event: &Value) -> (World, Value) {
    let mut world = World::new();
    world.settle().unwrap();
    world.create(event).unwrap();
    in_step(&mut world, "created");
    let row = world.google.event(ACCOUNT, &only_id(&world)).unwrap();
    (world, row)
}

/// Touch it at Google so that it comes back whole, and compare.
fn back(mut world: World, event: &Value, names: &[&str]) {
    let id = only_id(&world);
    world.google.user_patch(ACCOUNT, &id, &json!({"description": "touched there"})).unwrap();
    in_step(&mut world, "came back");
    let now: Value = serde_json::from_str(&world.local()[0].document).unwrap();
    for name in names {
        assert_eq!(now[*name], event[*name], "{name}");
    }
    assert_eq!(world.google.counters().mails, 0);
    quiet(&mut world, "after the round trip");
}

#[test]
fn attendees_go_there_and_back_without_mail() {
    let mut event = meeting("a@app", "meeting", "2026-03-03T09:00:00");
    event["participants"] = json!({
        "boss": {"@type": "Participant", "name": "The Boss", "email": "boss@example.com", "roles": {"owner": true, "attendee": true}, "participationStatus": "accepted"},
        "eve": {"@type": "Participant", "sendTo": {"imip": "mailto:eve@example.com"}, "roles": {"attendee": true, "optional": true}, "participationStatus": "needs-action"},
        "room": {"@type": "Participant", "kind": "resource", "sendTo": {"imip": "mailto:room@example.com"}, "roles": {"attendee": true}, "participationStatus": "accepted"},
    });
    let (mut world, row) = there(&event);
    let emails: Vec<&str> = row["attendees"].as_array().unwrap().iter().map(|a| a["email"].as_str().unwrap()).collect();
    assert_eq!(emails, ["boss@example.com", "eve@example.com", "room@example.com"]);
    // Eve answers there; the application's own keys stay.
    let mut attendees = row["attendees"].clone();
    attendees[1]["responseStatus"] = json!("declined");
    world.google.user_patch(ACCOUNT, &only_id(&world), &json!({"attendees": attendees})).unwrap();
    in_step(&mut world, "answered");
    let now = document(&world, "meeting");
    assert_eq!(now["participants"]["eve"]["participationStatus"], "declined");
    assert_eq!(now["participants"]["boss"]["name"], "The Boss");
    world.patch("a@app", &json!({"participants": {"room": null}})).unwrap();
    in_step(&mut world, "one less");
    let left = world.google.event(ACCOUNT, &only_id(&world)).unwrap()["attendees"].as_array().unwrap().len();
    assert_eq!(left, 2);
    assert_eq!(world.google.counters().mails, 0, "nobody got mail");
    quiet(&mut world, "attendees");
}

#[test]
fn mail_goes_out_only_when_the_edit_asks_for_it() {
    let mut event = meeting("a@app", "meeting", "2026-03-03T09:00:00");
    event["participants"] = json!({"eve": {"email": "eve@example.com", "roles": {"attendee": true}}});
    let (mut world, _) = there(&event);
    world.patch("a@app", &json!({"start": "2026-03-03T11:00:00"})).unwrap();
    in_step(&mut world, "moved silently");
    assert_eq!(world.google.counters().mails, 0);
    let loud = Action::Patch(json!({"start": "2026-03-03T12:00:00"}).to_string());
    world.edit(&Edit { notify_attendees: true, ..edit_of(Some("a@app"), loud) }).unwrap();
    in_step(&mut world, "moved with mail");
    assert_eq!(world.google.counters().mails, 1);
}

#[test]
fn reminders_visibility_and_colour_go_there_and_back() {
    let mut event = meeting("a@app", "details", "2026-03-03T09:00:00");
    event["alerts"] = json!({
        "early": {"@type": "Alert", "action": "email", "trigger": {"@type": "OffsetTrigger", "offset": "-P1D"}},
        "late": {"@type": "Alert", "action": "display", "trigger": {"@type": "OffsetTrigger", "offset": "-PT5M"}},
    });
    event["privacy"] = json!("secret");
    event["freeBusyStatus"] = json!("free");
    event["status"] = json!("tentative");
    event["google.com:colorId"] = json!("5");
    event["google.com:private"] = json!({"ticket": "7", "with space": "x"});
    event["google.com:shared"] = json!({"room": "blue"});
    event["keywords"] = json!({"only here": true});
    event["acme.com:anything"] = json!({"deep": [1, 2, {"x": null}]});
    let (world, row) = there(&event);
    assert_eq!(row["visibility"], "confidential");
    assert_eq!(row["transparency"], "transparent");
    assert_eq!(row["status"], "tentative");
    assert_eq!(row["reminders"]["overrides"].as_array().unwrap().len(), 2);
    assert_eq!(row["extendedProperties"]["private"]["ticket"], "7");
    assert_eq!(row["extendedProperties"]["shared"]["room"], "blue");
    let names = [
        "alerts",
        "privacy",
        "freeBusyStatus",
        "status",
        "google.com:colorId",
        "google.com:private",
        "google.com:shared",
        "keywords",
        "acme.com:anything",
    ];
    back(world, &event, &names);
}

#[test]
fn all_day_events_and_zones_go_there_and_back() {
    let times = [
        json!({"start": "2026-03-03T00:00:00", "duration": "P1D", "showWithoutTime": true}),
        json!({"start": "2026-03-03T00:00:00", "duration": "P4D", "showWithoutTime": true}),
        json!({"start": "2026-03-03T09:00:00", "timeZone": "America/New_York", "duration": "PT1H30M"}),
        json!({"start": "2026-03-28T22:00:00", "timeZone": "Europe/Berlin", "duration": "PT8H"}),
        json!({"start": "2026-10-24T22:00:00", "timeZone": "Europe/Berlin", "duration": "P1DT2H"}),
        json!({"start": "2026-03-03T09:00:00", "timeZone": "Asia/Kolkata", "duration": "PT0S"}),
        json!({"start": "2026-03-29T02:30:00", "timeZone": "Europe/Berlin", "duration": "PT1H"}),
        json!({"start": "2026-03-03T00:00:00", "duration": "P1D", "showWithoutTime": true, "recurrenceRules": [{"frequency": "weekly", "count": 3}]}),
    ];
    for time in times {
        let mut event = json!({"uid": "a@app", "title": "time"});
        event.as_object_mut().unwrap().extend(time.as_object().unwrap().clone());
        let (world, _) = there(&event);
        back(world, &event, &["start", "timeZone", "duration", "showWithoutTime", "recurrenceRules"]);
    }
}

/// Not compared by the agenda: where a floating event is depends on who looks.
#[test]
fn a_floating_event_is_placed_in_the_calendars_zone_there_and_floats_on_here() {
    let mut world = World::new();
    super::idle(&mut world);
    world.create(&json!({"uid": "a@app", "title": "floating", "start": "2026-03-03T09:00:00", "timeZone": null, "duration": "PT1H"})).unwrap();
    super::idle(&mut world);
    let id = only_id(&world);
    assert_eq!(world.google.event(ACCOUNT, &id).unwrap()["start"]["dateTime"], "2026-03-03T09:00:00+01:00");
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "still floating"})).unwrap();
    super::idle(&mut world);
    let here = document(&world, "still floating");
    assert_eq!((&here["start"], here.get("timeZone")), (&json!("2026-03-03T09:00:00"), Some(&Value::Null)));
    quiet(&mut world, "floating");
}

#[test]
fn a_timed_event_becomes_an_all_day_one_and_back() {
    let (mut world, _) = there(&meeting("a@app", "changing", "2026-03-03T09:00:00"));
    let all_day = json!({"start": "2026-03-03T00:00:00", "duration": "P2D", "showWithoutTime": true, "timeZone": null});
    world.patch("a@app", &all_day).unwrap();
    in_step(&mut world, "all day");
    assert_eq!(world.google.event(ACCOUNT, &only_id(&world)).unwrap()["start"], json!({"date": "2026-03-03"}));
    let timed = json!({"start": "2026-03-03T10:00:00", "duration": "PT1H", "showWithoutTime": null, "timeZone": "Europe/Berlin"});
    world.patch("a@app", &timed).unwrap();
    in_step(&mut world, "timed");
    let id = only_id(&world);
    let (start, end) = (json!({"date": "2026-03-09"}), json!({"date": "2026-03-10"}));
    world.google.user_move(ACCOUNT, &id, &start, &end).unwrap();
    in_step(&mut world, "all day there");
    quiet(&mut world, "changing");
}

#[test]
fn what_tandem_does_not_know_survives_an_edit() {
    let mut world = World::new();
    let mut event = google_meeting("rich", "2026-03-03T09:00:00", "2026-03-03T10:00:00");
    event["conferenceData"] = json!({"conferenceId": "abc", "notes": "dial in"});
    event["attachments"] = json!([{"fileUrl": "https://example.com/x", "title": "x"}]);
    event["source"] = json!({"title": "s", "url": "https://example.com"});
    event["anyoneCanAddSelf"] = json!(true);
    event["extendedProperties"] = json!({"private": {"others": "program"}});
    event["reminders"] = json!({"useDefault": false});
    let before = world.google.user_insert(ACCOUNT, &event).unwrap();
    in_step(&mut world, "read");
    let uid = world.titled("rich").unwrap().0.uid;
    world
        .patch(&uid, &json!({"title": "renamed", "start": "2026-03-03T12:00:00", "locations": {"1": {"name": "Room"}}}))
        .unwrap();
    in_step(&mut world, "edited here");
    let after = world.google.event(ACCOUNT, &only_id(&world)).unwrap();
    for name in [
        "conferenceData",
        "attachments",
        "source",
        "anyoneCanAddSelf",
        "extendedProperties",
        "reminders",
        "iCalUID",
        "creator",
        "organizer",
    ] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(after["summary"], "renamed");
}

#[test]
fn an_event_with_two_zones_keeps_both() {
    let mut world = World::new();
    let flight = json!({
        "summary": "flight",
        "start": {"dateTime": "2026-03-03T09:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-03T12:00:00", "timeZone": "America/New_York"},
    });
    let before = world.google.user_insert(ACCOUNT, &flight).unwrap();
    in_step(&mut world, "read");
    let uid = world.titled("flight").unwrap().0.uid;
    world.patch(&uid, &json!({"title": "delayed flight", "start": "2026-03-03T10:00:00"})).unwrap();
    in_step(&mut world, "moved here");
    let after = world.google.event(ACCOUNT, &only_id(&world)).unwrap();
    assert_eq!(after["end"]["timeZone"], before["end"]["timeZone"]);
}
