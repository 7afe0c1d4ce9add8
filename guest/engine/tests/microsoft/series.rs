//! Series, their exceptions and their deleted occurrences, both ways.

use serde_json::{Value, json};
use tandem_engine::editing::Action;
use tandem_providers::microsoft::{Config, EventsDelta, ExceptionReset};

use crate::world::{ACCOUNT, World, meeting, outlook_meeting};

fn daily(uid: &str, title: &str, rule: Value) -> Value {
    let mut series = meeting(uid, title, "2026-03-04T09:00:00");
    series["recurrenceRules"] = json!([rule]);
    series
}

fn configs() -> Vec<Config> {
    let windowed = Config { events_delta: EventsDelta::BadRequest, ..Config::default() };
    let minimal = Config { events_delta: EventsDelta::Minimal, ..Config::default() };
    let keeps = Config { exception_reset: ExceptionReset::Never, ..Config::default() };
    let apart = Config { occurrence_properties: false, ..Config::default() };
    vec![Config::default(), windowed, minimal, keeps, apart]
}

/// Starts of the occurrences at Microsoft within two weeks.
fn starts(world: &World, subject: &str) -> Vec<String> {
    let id =
        world.remote().iter().find(|event| event["subject"] == subject).unwrap()["id"].as_str().unwrap().to_owned();
    let all = world.microsoft.occurrences(ACCOUNT, &id, 1_772_400_000_000, 1_773_700_000_000);
    all.iter().map(|one| one["start"]["dateTime"].as_str().unwrap()[..16].to_owned()).collect()
}

#[test]
fn a_local_series_with_exceptions_arrives() {
    for config in configs() {
        let mut world = World::new(config);
        let mut series = daily("s", "daily", json!({"frequency": "daily", "count": 6}));
        series["recurrenceOverrides"] = json!({
            "2026-03-05T09:00:00": {"excluded": true},
            "2026-03-06T09:00:00": {"title": "special", "start": "2026-03-06T11:00:00"},
        });
        world.create(&series);
        world.poll();
        let expected =
            ["2026-03-04T09:00", "2026-03-06T11:00", "2026-03-07T09:00", "2026-03-08T09:00", "2026-03-09T09:00"];
        assert_eq!(starts(&world, "daily"), expected, "{:#?} {:?}", world.microsoft.log(), world.failures());
        world.rests();

        world.edit(Some("s"), Some("2026-03-07T09:00:00"), Action::Delete);
        world.edit(Some("s"), Some("2026-03-08T09:00:00"), Action::Patch(json!({"title": "late"}).to_string()));
        world.poll();
        assert_eq!(
            starts(&world, "daily"),
            ["2026-03-04T09:00", "2026-03-06T11:00", "2026-03-08T09:00", "2026-03-09T09:00"]
        );
        world.rests();

        // A new time of the whole series: whatever Microsoft does with its exceptions, both sides end the same.
        world.patch("s", &json!({"duration": "PT2H", "title": "longer"}));
        world.poll();
        world.rests();
        assert_eq!(
            starts(&world, "longer"),
            ["2026-03-04T09:00", "2026-03-06T11:00", "2026-03-08T09:00", "2026-03-09T09:00"]
        );
        assert_eq!(world.failures(), Vec::<String>::new());
    }
}

#[test]
fn a_series_of_outlook_arrives_with_what_happens_to_it() {
    for config in configs() {
        let mut world = World::new(config);
        let mut event = outlook_meeting("weekly", "2026-03-04T09:00:00", "2026-03-04T10:00:00");
        event["recurrence"] = json!({
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday", "friday"], "firstDayOfWeek": "sunday"},
            "range": {"type": "endDate", "startDate": "2026-03-04", "endDate": "2026-04-30"},
        });
        let master = world.microsoft.user_insert(ACCOUNT, &event).unwrap()["id"].as_str().unwrap().to_owned();
        world.settle();
        let local = world.titled("weekly");
        let rule = json!([{"@type": "RecurrenceRule", "frequency": "weekly", "firstDayOfWeek": "su",
            "byDay": [{"@type": "NDay", "day": "we"}, {"@type": "NDay", "day": "fr"}], "until": "2026-04-30T09:00:00"}]);
        assert_eq!(local["recurrenceRules"], rule);
        let occurrences = world.microsoft.occurrences(ACCOUNT, &master, 1_772_400_000_000, 1_776_700_000_000);
        let id = |n: usize| occurrences[n]["id"].as_str().unwrap().to_owned();
        world.microsoft.user_patch(ACCOUNT, &id(1), &json!({"subject": "moved"})).unwrap();
        world.microsoft.user_delete(ACCOUNT, &id(2)).unwrap();
        world.poll();
        let local = world.titled("weekly");
        let overrides = json!({"2026-03-06T09:00:00": {"title": "moved"}, "2026-03-11T09:00:00": {"excluded": true}});
        assert_eq!(local["recurrenceOverrides"], overrides, "{:#?}", world.microsoft.log());
        world.rests();

        // After the clocks change, the same wall time.
        world.microsoft.user_delete(ACCOUNT, &id(9)).unwrap();
        world.poll();
        assert_eq!(world.titled("weekly")["recurrenceOverrides"]["2026-04-03T09:00:00"], json!({"excluded": true}));

        world.microsoft.user_delete(ACCOUNT, &master).unwrap();
        world.poll();
        assert!(world.local().is_empty(), "{:#?}", world.microsoft.log());
        world.rests();
    }
}

#[test]
fn what_a_pattern_cannot_say_is_refused_and_the_rest_goes_on() {
    let mut world = World::new(Config::default());
    world.create(&daily("odd", "odd", json!({"frequency": "hourly"})));
    world.create(&meeting("plain", "plain", "2026-03-05T09:00:00"));
    let mut extra = daily("extra", "extra", json!({"frequency": "daily", "count": 2}));
    extra["recurrenceOverrides"] = json!({"2026-03-20T12:00:00": {}});
    world.create(&extra);
    world.settle();
    assert_eq!(world.remote().len(), 1);
    assert_eq!(world.subject("plain")["type"], "singleInstance");
    let mut codes = world.failures();
    codes.sort();
    assert_eq!(codes, ["additional-dates", "recurrence-not-expressible"]);
    world.rests();
    world.patch("odd", &json!({"recurrenceRules": [{"@type": "RecurrenceRule", "frequency": "daily", "count": 3}]}));
    world.poll();
    assert_eq!(world.subject("odd")["type"], "seriesMaster");
    assert_eq!(world.failures(), ["additional-dates"]);
}

#[test]
fn an_exception_that_crosses_its_neighbour_is_recorded_and_the_others_are_written() {
    let mut world = World::new(Config::default());
    world.create(&daily("s", "daily", json!({"frequency": "daily", "count": 6})));
    world.settle();
    world.patch(
        "s",
        &json!({"recurrenceOverrides": {
            "2026-03-05T09:00:00": {"start": "2026-03-07T12:00:00"},
            "2026-03-08T09:00:00": {"title": "fine"},
        }}),
    );
    world.poll();
    assert_eq!(world.failures(), ["microsoft-400-ErrorOccurrenceCrossingBoundary"]);
    let id = world.subject("daily")["id"].as_str().unwrap().to_owned();
    let all = world.microsoft.occurrences(ACCOUNT, &id, 1_772_400_000_000, 1_773_700_000_000);
    let subjects: Vec<&str> = all.iter().map(|one| one["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["daily", "daily", "daily", "daily", "fine", "daily"]);
    world.rests();
    assert_eq!(world.titled("daily")["recurrenceOverrides"]["2026-03-05T09:00:00"]["start"], "2026-03-07T12:00:00");
}

#[test]
fn patterns_keep_their_meaning_both_ways() {
    let nday = |day: &str, nth: i64| json!({"@type": "NDay", "day": day, "nthOfPeriod": nth});
    let day = |day: &str| json!({"@type": "NDay", "day": day});
    // (start, rule, pattern type, what comes back if not the rule)
    let cases = [
        ("2026-03-04", json!({"frequency": "daily", "interval": 3}), "daily"),
        ("2026-03-04", json!({"frequency": "daily", "byDay": [day("we"), day("th")]}), "weekly"),
        ("2026-03-04", json!({"frequency": "weekly", "interval": 2}), "weekly"),
        ("2026-03-04", json!({"frequency": "monthly"}), "absoluteMonthly"),
        ("2026-03-31", json!({"frequency": "monthly", "byMonthDay": [-1]}), "relativeMonthly"),
        ("2026-03-10", json!({"frequency": "monthly", "byDay": [nday("tu", 2)]}), "relativeMonthly"),
        (
            "2026-03-31",
            json!({"frequency": "monthly", "byDay": [day("mo"), day("tu")], "bySetPosition": [-1]}),
            "relativeMonthly",
        ),
        ("2026-03-04", json!({"frequency": "yearly"}), "absoluteYearly"),
        ("2026-03-29", json!({"frequency": "yearly", "byMonth": ["3"], "byDay": [nday("su", -1)]}), "relativeYearly"),
    ];
    for (date, rule, kind) in cases {
        let mut world = World::new(Config::default());
        let mut series = meeting("s", "rule", &format!("{date}T09:00:00"));
        series["recurrenceRules"] = json!([rule]);
        world.create(&series);
        world.settle();
        assert_eq!(world.failures(), Vec::<String>::new(), "{rule}");
        assert_eq!(world.subject("rule")["recurrence"]["pattern"]["type"], kind, "{rule}");
        world.rests();
        // A second replica of nobody: what is read must mean the same dates.
        let shadow = world.memory.shadows.values().next().unwrap().clone();
        let read: Value = serde_json::from_str(&shadow.remote).unwrap();
        let dates = |document: &Value| {
            let on = |n: u64| chrono_date(n);
            (0..800u64).map(on).filter(|date| contains(document, &format!("{date}T09:00:00"))).collect::<Vec<_>>()
        };
        assert_eq!(dates(&read), dates(&world.titled("rule")), "{rule}: {}", read["recurrenceRules"]);
    }
}

fn contains(document: &Value, id: &str) -> bool {
    tandem_engine::recurrence::contains(document, id).unwrap()
}

/// The date so many days after 2026-03-01.
fn chrono_date(days: u64) -> String {
    let ms = 1_772_323_200_000 + i64::try_from(days).unwrap() * 86_400_000;
    tandem_engine::time::format_rfc3339(ms).unwrap()[..10].to_owned()
}
