//! Series of the simulated Microsoft: patterns, occurrences, exceptions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod graph;

use graph::*;
use serde_json::{Value, json};
use tandem_providers::microsoft::{Bound, Config, ExceptionReset, ShortMonth};

fn days(w: &World, pattern: Value, range: Value) -> Vec<String> {
    let master = w.made(&series(pattern, range));
    let window = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2030-01-01T00:00:00Z&$top=100";
    let rows = w.listing(&format!("{EVENTS}/{}/instances?{window}", id(&master))).rows;
    starts(&rows).iter().map(|start| start[..10].to_owned()).collect()
}

fn numbered(count: u32) -> Value {
    json!({ "type": "numbered", "numberOfOccurrences": count })
}

#[test]
fn all_six_patterns_expand() {
    let w = world();
    let cases = [
        (json!({ "type": "daily", "interval": 3 }), ["2026-03-03", "2026-03-06", "2026-03-09"]),
        (
            json!({ "type": "weekly", "interval": 2, "daysOfWeek": ["tuesday", "sunday"] }),
            // Weeks begin on Sunday unless said otherwise.
            ["2026-03-03", "2026-03-15", "2026-03-17"],
        ),
        (
            json!({ "type": "weekly", "interval": 2, "daysOfWeek": ["tuesday", "sunday"], "firstDayOfWeek": "monday" }),
            ["2026-03-03", "2026-03-08", "2026-03-17"],
        ),
        (
            json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 3 }),
            ["2026-03-03", "2026-04-03", "2026-05-03"],
        ),
        (
            json!({ "type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "first" }),
            ["2026-03-03", "2026-04-07", "2026-05-05"],
        ),
        (
            json!({ "type": "relativeMonthly", "interval": 1, "daysOfWeek": ["friday", "saturday"], "index": "last" }),
            ["2026-03-28", "2026-04-25", "2026-05-30"],
        ),
        (
            json!({ "type": "absoluteYearly", "interval": 1, "dayOfMonth": 3, "month": 3 }),
            ["2026-03-03", "2027-03-03", "2028-03-03"],
        ),
        (
            json!({ "type": "relativeYearly", "interval": 1, "daysOfWeek": ["thursday"], "month": 11, "index": "fourth" }),
            ["2026-11-26", "2027-11-25", "2028-11-23"],
        ),
    ];
    for (pattern, wanted) in cases {
        assert_eq!(days(&w, pattern.clone(), numbered(3)), wanted, "{pattern}");
    }
}

#[test]
fn ranges_end_by_date_by_number_or_never() {
    let w = world();
    let daily = || json!({ "type": "daily", "interval": 1 });
    assert_eq!(days(&w, daily(), json!({ "type": "endDate", "endDate": "2026-03-05" })).len(), 3, "inclusive");
    assert_eq!(days(&w, daily(), numbered(4)).len(), 4);
    let endless = w.made(&series(daily(), json!({ "type": "noEnd" })));
    assert_eq!(w.instances(id(&endless)).len(), 59, "as many as the window has");
    let range = &endless["recurrence"]["range"];
    assert_eq!((&range["endDate"], &range["numberOfOccurrences"]), (&json!("0001-01-01"), &json!(0)));
}

#[test]
fn days_that_a_month_lacks_become_its_last_or_fall_out() {
    for (short, wanted) in [(ShortMonth::LastDay, "2026-04-30"), (ShortMonth::Skip, "2026-05-31")] {
        let w = world_with(Config { short_month: short, ..calm() });
        let pattern = json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31 });
        assert_eq!(days(&w, pattern, numbered(2))[1], wanted);
    }
}

#[test]
fn a_series_starts_with_its_first_occurrence() {
    let w = world();
    let pattern = json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["thursday"] });
    let master = w.made(&series(pattern, numbered(2)));
    assert_eq!(starts(std::slice::from_ref(&master)), ["2026-03-05T09:00"]);
    assert_eq!(master["recurrence"]["range"]["startDate"], "2026-03-05");
}

#[test]
fn answers_fill_up_what_a_pattern_does_not_use_and_requests_must_not_send_it() {
    let w = world();
    let master = w.made(&weekly(2));
    let pattern = json!({
        "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"], "month": 0, "dayOfMonth": 0,
        "firstDayOfWeek": "sunday", "index": "first",
    });
    assert_eq!(master["recurrence"]["pattern"], pattern);
    assert_eq!(master["recurrence"]["range"]["recurrenceTimeZone"], BERLIN);
    refused(&w.insert(&series(pattern.clone(), numbered(2))), 400, "ErrorPropertyValidationFailure");
    w.graph.configure(|config| {
        config.strict_pattern = false;
        config.blank_recurrence_zone = true;
    });
    assert_eq!(w.made(&series(pattern, numbered(2)))["recurrence"]["range"]["recurrenceTimeZone"], "");
}

#[test]
fn bad_recurrences_are_refused() {
    let w = world();
    for (pattern, range) in [
        (json!({ "type": "hourly", "interval": 1 }), numbered(2)),
        (json!({ "type": "daily", "interval": 0 }), numbered(2)),
        (json!({ "type": "weekly", "interval": 1 }), numbered(2)),
        (json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": -1 }), numbered(2)),
        (json!({ "type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday"], "index": "fifth" }), numbered(2)),
        (json!({ "type": "daily", "interval": 1 }), json!({ "type": "endDate", "endDate": "2026-03-01" })),
        (json!({ "type": "daily", "interval": 1 }), numbered(0)),
    ] {
        refused(&w.insert(&series(pattern, range)), 400, "ErrorPropertyValidationFailure");
    }
    let mut off = weekly(2);
    off["recurrence"]["range"]["startDate"] = json!("2026-03-10");
    refused(&w.insert(&off), 400, "ErrorPropertyValidationFailure");
    w.graph.configure(|config| config.range_start = Bound::Clamp);
    assert_eq!(w.made(&off)["recurrence"]["range"]["startDate"], "2026-03-03");
}

#[test]
fn occurrences_follow_the_wall_clock_of_the_recurrence_s_zone() {
    let w = world();
    let master = w.made(&weekly(5));
    let found = w.instances(id(&master));
    assert_eq!(
        starts(&found),
        ["2026-03-03T09:00", "2026-03-10T09:00", "2026-03-17T09:00", "2026-03-24T09:00", "2026-03-31T08:00"]
    );
    assert_eq!(found[4]["originalStart"], "2026-03-31T08:00:00Z");
    assert!(found.iter().all(|one| one["type"] == "occurrence" && one["seriesMasterId"] == master["id"]));
    let mut ids: Vec<_> = found.iter().map(|one| one["iCalUId"].as_str().unwrap()).collect();
    ids.push(master["iCalUId"].as_str().unwrap());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6, "every occurrence has an iCalUId of its own");
}

#[test]
fn occurrences_are_keyed_by_whole_minutes() {
    let w = world();
    let mut body = weekly(2);
    body["start"] = at("2026-03-03T10:00:12.865");
    let master = w.made(&body);
    assert_eq!(w.instances(id(&master))[0]["originalStart"], "2026-03-03T09:00:00Z");
}

#[test]
fn an_edited_occurrence_becomes_an_exception_and_follows_the_master_in_the_rest() {
    let w = world();
    let master = w.made(&weekly(3));
    let second = w.instances(id(&master))[1].clone();
    let edited =
        w.patched(id(&second), &json!({ "start": at("2026-03-11T10:00:00"), "end": at("2026-03-11T11:00:00") }));
    assert_eq!((&edited["type"], &edited["id"]), (&json!("exception"), &second["id"]));
    assert_eq!(edited["originalStart"], "2026-03-10T09:00:00Z");
    w.patched(id(&master), &json!({ "subject": "renamed" }));
    assert_eq!(w.event(id(&second))["subject"], "renamed");
    w.patched(id(&second), &json!({ "subject": "mine" }));
    w.patched(id(&master), &json!({ "subject": "again" }));
    assert_eq!(w.event(id(&second))["subject"], "mine");
    refused(
        &w.patch(id(&second), &json!({ "recurrence": weekly(2)["recurrence"] })),
        400,
        "ErrorPropertyValidationFailure",
    );
    let types: Vec<_> = w.graph.truth(ME).iter().map(|row| row["type"].clone()).collect();
    assert_eq!(types, ["seriesMaster", "exception"]);
}

#[test]
fn an_occurrence_cannot_move_to_a_neighbour_s_day() {
    let w = world();
    let pattern = json!({ "type": "daily", "interval": 2 });
    let master = w.made(&series(pattern, numbered(5)));
    let third = w.instances(id(&master))[2].clone();
    let to = |day: &str| json!({ "start": at(&format!("2026-03-{day}T15:00:00")), "end": at(&format!("2026-03-{day}T16:00:00")) });
    for day in ["05", "04", "09", "12"] {
        refused(&w.patch(id(&third), &to(day)), 400, "ErrorOccurrenceCrossingBoundary");
    }
    for day in ["06", "07", "08"] {
        w.patched(id(&third), &to(day));
    }
    let second = w.instances(id(&master))[1].clone();
    w.delete(id(&second));
    w.patched(id(&third), &to("05"));
}

#[test]
fn a_deleted_occurrence_is_seen_only_at_its_master() {
    let w = world();
    let master = w.made(&weekly(3));
    let second = w.instances(id(&master))[1].clone();
    let third = w.instances(id(&master))[2].clone();
    w.patched(id(&third), &json!({ "subject": "mine" }));
    assert_eq!(w.delete(id(&second)).status(), Some(204));
    refused(&w.delete(id(&second)), 404, "ErrorItemNotFound");
    assert_eq!(w.instances(id(&master)).len(), 2);
    let path = format!("{EVENTS}/{}?$select=cancelledOccurrences,subject&$expand=exceptionOccurrences", id(&master));
    let seen = w.get(&path).json();
    assert_eq!(seen["cancelledOccurrences"], json!([format!("OID.{}.2026-03-10", id(&master))]));
    assert_eq!(seen["exceptionOccurrences"][0]["subject"], "mine");
    assert!(seen.get("start").is_none(), "only what was selected");
    assert!(w.event(id(&master)).get("cancelledOccurrences").is_none(), "only when selected");
    w.graph.configure(|config| config.occurrence_properties = false);
    assert_eq!(w.get(&path).status(), Some(400));
    assert_eq!(w.graph.truth(ME).iter().filter(|row| row["type"] == "cancelled").count(), 1);
}

#[test]
fn instances_may_forget_exceptions() {
    let w = world();
    let master = w.made(&weekly(3));
    let second = w.instances(id(&master))[1].clone();
    w.patched(id(&second), &json!({ "subject": "mine" }));
    assert_eq!(w.instances(id(&master)).len(), 3);
    w.graph.configure(|config| config.instances_omit_exceptions = true);
    assert_eq!(w.instances(id(&master)).len(), 2);
}

#[test]
fn changing_a_series_forgets_its_exceptions_as_the_switch_says() {
    let shorter = json!({ "type": "endDate", "startDate": "2026-03-03", "endDate": "2026-03-20" });
    let pattern = json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"] });
    let to_eleven = json!({ "start": at("2026-03-03T11:00:00"), "end": at("2026-03-03T12:00:00") });
    for (reset, after_range, after_time) in
        [(ExceptionReset::Any, 0, 0), (ExceptionReset::PatternOrTime, 2, 0), (ExceptionReset::Never, 2, 0)]
    {
        let w = world_with(Config { exception_reset: reset, ..calm() });
        let master = w.made(&weekly(5));
        let all = w.instances(id(&master));
        w.patched(id(&all[1]), &json!({ "subject": "mine" }));
        w.delete(id(&all[2]));
        w.patched(id(&all[4]), &json!({ "subject": "behind the new end" }));
        let own = || w.graph.truth(ME).len() - 1;
        w.patched(id(&master), &json!({ "recurrence": { "pattern": pattern, "range": shorter } }));
        assert_eq!(own(), after_range, "{reset:?}");
        // Other times are other occurrences, so nothing can stay.
        w.patched(id(&master), &to_eleven);
        assert_eq!(own(), after_time, "{reset:?}");
    }
}

#[test]
fn a_series_can_become_a_single_event_and_back() {
    let w = world();
    let master = w.made(&weekly(3));
    let single = w.patched(id(&master), &json!({ "recurrence": null }));
    assert_eq!(single["type"], "singleInstance");
    let again = w.patched(id(&master), &json!({ "recurrence": weekly(2)["recurrence"] }));
    assert_eq!(again["type"], "seriesMaster");
    let moved =
        w.patched(id(&master), &json!({ "start": at("2026-03-04T10:00:00"), "end": at("2026-03-04T11:00:00") }));
    assert_eq!(starts(&[moved]), ["2026-03-10T09:00"], "the rule still says Tuesday");
}

#[test]
fn this_and_following_leaves_two_series_with_the_same_starts() {
    let w = world();
    let master = w.made(&weekly(5));
    let before = starts(&w.instances(id(&master)));
    let third = w.instances(id(&master))[2].clone();
    let second = w.graph.user_split(ME, id(&third), &json!({ "subject": "later" })).unwrap();
    let mut after = starts(&w.instances(id(&master)));
    assert_eq!(after.len(), 2);
    after.extend(starts(&w.instances(id(&second))));
    assert_eq!(after, before);
    assert_eq!(second["subject"], "later");
}

#[test]
fn the_same_recurrence_again_changes_nothing() {
    let w = world();
    let master = w.made(&weekly(3));
    let all = w.instances(id(&master));
    w.patched(id(&all[1]), &json!({ "subject": "mine" }));
    w.delete(id(&all[2]));
    let same = json!({ "recurrence": weekly(3)["recurrence"], "start": at("2026-03-03T10:00:00") });
    w.patched(id(&master), &same);
    assert_eq!(w.graph.truth(ME).len(), 3);
}

#[test]
fn all_day_series_have_whole_days_across_a_clock_change() {
    let w = world();
    let body = json!({
        "isAllDay": true, "start": at("2026-03-28T00:00:00"), "end": at("2026-03-29T00:00:00"),
        "recurrence": {
            "pattern": { "type": "daily", "interval": 1 },
            "range": { "type": "numbered", "startDate": "2026-03-28", "numberOfOccurrences": 3 },
        },
    });
    let master = w.made(&body);
    let found = w.instances(id(&master));
    assert_eq!(starts(&found), ["2026-03-27T23:00", "2026-03-28T23:00", "2026-03-29T22:00"]);
    assert_eq!(&found[1]["end"]["dateTime"], "2026-03-29T22:00:00.0000000", "the day has 23 hours");
    let short = json!({ "end": at("2026-03-29T12:00:00") });
    refused(&w.patch(id(&found[1]), &short), 400, "ErrorPropertyValidationFailure");
}
