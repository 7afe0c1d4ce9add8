//! What the calendar is like: whether it may be written, and the zone of what has none.

use serde_json::{Value, json};
use tandem_engine::editing::{Action, EditError};
use tandem_providers::microsoft::{Config, EventsDelta};

use crate::world::{ACCOUNT, World, meeting, outlook_meeting};

#[test]
fn a_read_only_calendar_is_never_written() {
    for events_delta in [EventsDelta::Full, EventsDelta::BadRequest] {
        let mut world = World::new(Config { events_delta, ..Config::default() });
        let event = outlook_meeting("theirs", "2026-03-05T09:00:00", "2026-03-05T10:00:00");
        world.microsoft.user_insert(ACCOUNT, &event).unwrap();
        world.microsoft.set_can_edit(ACCOUNT, false);
        world.create(&meeting("mine", "mine", "2026-03-04T09:00:00"));
        world.settle();
        assert_eq!(world.failures(), ["read-only-calendar"]);
        let uid = world.titled("theirs")["uid"].as_str().unwrap().to_owned();
        let renamed = || Action::Patch(json!({"title": "not theirs"}).to_string());
        assert_eq!(world.try_edit(Some(&uid), None, renamed()), Err(EditError::ReadOnly));
        world.poll();
        assert_eq!(["POST", "PATCH", "DELETE"].map(|method| world.requests(method)), [0, 0, 0]);
        // It may be written again.
        world.microsoft.set_can_edit(ACCOUNT, true);
        world.poll();
        world.edit(Some(&uid), None, renamed());
        world.settle();
        assert_eq!(world.subject("not theirs")["type"], "singleInstance");
        world.rests();
    }
}

#[test]
fn what_has_no_zone_is_written_in_that_of_the_mailbox_if_it_may_be_read() {
    let calendars = ["Calendars.ReadWrite"].as_slice();
    let settings = ["Calendars.ReadWrite", "MailboxSettings.Read"].as_slice();
    for (scopes, zone) in [(settings, "W. Europe Standard Time"), (calendars, "UTC")] {
        let mut world = World::new(Config::default());
        world.microsoft.grant_access_with_scopes(ACCOUNT, "token", i64::MAX / 4, scopes);
        world.create(&json!({"uid": "a", "title": "floating", "start": "2026-07-10T09:00:00", "duration": "PT1H"}));
        world.create(&json!({"uid": "b", "title": "day", "start": "2026-07-10T00:00:00", "showWithoutTime": true, "duration": "P1D"}));
        world.settle();
        let at = |time: &str| json!({"dateTime": format!("2026-07-{time}:00.0000000"), "timeZone": zone});
        let times = |event: Value| (event["start"].clone(), event["end"].clone());
        assert_eq!(times(world.subject("floating")), (at("10T09:00"), at("10T10:00")));
        assert_eq!(times(world.subject("day")), (at("10T00:00"), at("11T00:00")));
        world.rests();
        assert_eq!(world.titled("floating")["timeZone"], json!(null), "here it stays as it was written");
        world.patch("a", &json!({"start": "2026-07-11T09:30:00"}));
        world.poll();
        assert_eq!(times(world.subject("floating")), (at("11T09:30"), at("11T10:30")));
        assert_eq!(world.failures(), Vec::<String>::new());
        world.rests();
    }
}

#[test]
fn the_calendar_is_asked_once_for_a_listing_and_at_most_hourly() {
    let mut world = World::new(Config::default());
    for n in 0..120 {
        let event = outlook_meeting(&format!("event {n}"), "2026-04-01T09:00:00", "2026-04-01T10:00:00");
        world.microsoft.user_insert(ACCOUNT, &event).unwrap();
    }
    world.settle();
    let asked = |world: &World| world.microsoft.counters().requests["calendars.get"];
    assert_eq!(asked(&world), 1);
    for _ in 0..20 {
        world.clock.advance(120_000);
        world.settle();
    }
    assert_eq!(asked(&world), 1);
    world.poll();
    assert_eq!(asked(&world), 2);
}
