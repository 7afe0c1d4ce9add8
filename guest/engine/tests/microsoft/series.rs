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
            "byDay": [{"@type": "NDay", "day": "we"}, {"@type": "NDay", "day": "fr"}], "until": "2026-04-30T23:59:59"}]);
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

/// Dates at Microsoft and dates of the local event, within 800 days from 2026-03-01.
fn dates_of_both(world: &World, title: &str) -> (Vec<String>, Vec<String>) {
    let id = world.subject(title)["id"].as_str().unwrap().to_owned();
    let all = world.microsoft.occurrences(ACCOUNT, &id, 1_772_323_200_000, 1_772_323_200_000 + 800 * 86_400_000);
    let remote = all.iter().map(|one| one["start"]["dateTime"].as_str().unwrap()[..10].to_owned()).collect();
    let document = world.titled(title);
    let on = |date: &String| contains(&document, &format!("{date}T09:00:00"));
    (remote, (0..800).map(chrono_date).filter(on).collect())
}

#[test]
fn a_day_that_short_months_do_not_have_is_their_last_day_at_outlook() {
    // (start, pattern, what is read, an occurrence in a short month)
    let monthly = |days: Value| json!({"frequency": "monthly", "byMonthDay": days, "bySetPosition": [-1]});
    let february = json!({"frequency": "yearly", "byMonth": ["2"], "byMonthDay": [28, 29], "bySetPosition": [-1]});
    let april = json!({"frequency": "yearly", "byMonth": ["4"], "byMonthDay": [30]});
    let cases = [
        ("2026-03-29", json!({"type": "absoluteMonthly"}), monthly(json!([28, 29])), "2027-02-28"),
        ("2026-03-30", json!({"type": "absoluteMonthly"}), monthly(json!([28, 29, 30])), "2028-02-29"),
        ("2026-03-31", json!({"type": "absoluteMonthly"}), monthly(json!([28, 29, 30, 31])), "2026-04-30"),
        ("2027-02-28", json!({"type": "absoluteYearly", "dayOfMonth": 29, "month": 2}), february, "2028-02-29"),
        ("2026-04-30", json!({"type": "absoluteYearly", "dayOfMonth": 31, "month": 4}), april, "2027-04-30"),
    ];
    for (date, mut pattern, rule, short) in cases {
        let mut world = World::new(Config::default());
        pattern["interval"] = 1.into();
        if pattern["dayOfMonth"].is_null() {
            pattern["dayOfMonth"] = date[8..].parse::<u32>().unwrap().into();
        }
        let mut event = outlook_meeting("ends", &format!("{date}T09:00:00"), &format!("{date}T10:00:00"));
        event["recurrence"] = json!({"pattern": pattern, "range": {"type": "noEnd", "startDate": date}});
        world.microsoft.user_insert(ACCOUNT, &event).unwrap();
        world.settle();
        let mut read = world.titled("ends")["recurrenceRules"][0].clone();
        read.as_object_mut().unwrap().remove("@type");
        assert_eq!(read, rule);
        let (remote, local) = dates_of_both(&world, "ends");
        assert!(remote.iter().any(|date| date == short), "{remote:?}");
        assert_eq!(remote, local, "{rule}");
        world.rests();

        // An edit of the rule is written in the words that it came in.
        let mut shorter = rule.clone();
        shorter["count"] = 2.into();
        let uid = world.titled("ends")["uid"].as_str().unwrap().to_owned();
        world.patch(&uid, &json!({"recurrenceRules": [shorter]}));
        world.poll();
        assert_eq!(world.failures(), Vec::<String>::new());
        let written = world.subject("ends")["recurrence"].clone();
        assert_eq!(written["pattern"]["type"], pattern["type"]);
        assert_eq!(written["range"]["numberOfOccurrences"], 2);
        let (remote, local) = dates_of_both(&world, "ends");
        assert_eq!((remote.len(), &remote), (2, &local), "{rule}");
        world.rests();
    }
}

#[test]
fn exceptions_of_a_series_at_the_end_of_months_are_no_news() {
    let mut world = World::new(Config::default());
    let mut series = meeting("s", "ends", "2026-03-31T09:00:00");
    series["recurrenceRules"] =
        json!([{"frequency": "monthly", "byMonthDay": [28, 29, 30, 31], "bySetPosition": [-1], "count": 8}]);
    let overrides = json!({
        "2026-04-30T09:00:00": {"excluded": true},
        "2026-05-31T09:00:00": {"start": "2026-05-31T11:00:00"},
        "2026-09-30T09:00:00": {"start": "2026-09-30T08:00:00"},
        "2026-10-31T09:00:00": {"excluded": true},
    });
    series["recurrenceOverrides"] = overrides.clone();
    world.create(&series);
    world.settle();
    world.rests();
    assert_eq!(world.failures(), Vec::<String>::new());
    assert!(world.memory.conflicts.is_empty(), "{:#?}", world.memory.conflicts);
    assert_eq!(world.titled("ends")["recurrenceOverrides"], overrides);
    let (remote, _) = dates_of_both(&world, "ends");
    assert_eq!(remote, ["2026-03-31", "2026-05-31", "2026-06-30", "2026-07-31", "2026-08-31", "2026-09-30"]);
}

#[test]
fn a_rule_that_skips_months_is_refused_and_one_that_ends_before_is_written() {
    let cases = [
        ("2026-07-31", json!({"frequency": "monthly"}), false),
        ("2026-07-31", json!({"frequency": "monthly", "count": 2}), true),
        ("2026-07-31", json!({"frequency": "monthly", "count": 3}), false),
        ("2026-07-31", json!({"frequency": "monthly", "byMonthDay": [31], "until": "2026-09-29T09:00:00"}), true),
        ("2026-07-31", json!({"frequency": "monthly", "byMonthDay": [31], "until": "2026-09-30T08:00:00"}), true),
        ("2026-07-31", json!({"frequency": "monthly", "byMonthDay": [31], "until": "2026-09-30T09:00:00"}), false),
        ("2026-07-31", json!({"frequency": "monthly", "byMonthDay": [30, 31], "bySetPosition": [-1]}), false),
        ("2026-07-31", json!({"frequency": "monthly", "interval": 12}), true),
        ("2028-02-29", json!({"frequency": "yearly"}), false),
        ("2026-03-31", json!({"frequency": "yearly"}), true),
    ];
    for (date, rule, written) in cases {
        let mut world = World::new(Config::default());
        let mut series = meeting("s", "rule", &format!("{date}T09:00:00"));
        series["recurrenceRules"] = json!([rule]);
        world.create(&series);
        world.settle();
        if written {
            assert_eq!(world.failures(), Vec::<String>::new(), "{rule}");
            let (remote, local) = dates_of_both(&world, "rule");
            assert_eq!(remote, local, "{rule}");
        } else {
            assert_eq!(world.failures(), ["recurrence-not-expressible"], "{rule}");
            assert!(world.remote().is_empty(), "{rule}");
        }
        world.rests();
    }
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
