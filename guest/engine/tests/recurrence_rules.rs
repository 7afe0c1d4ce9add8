//! Laws of one rule: what is written reads the same, entering in the middle equals walking, work is bounded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use tandem_engine::recurrence::{
    Budget, DatesError, DatesKind, Expander, Frequency, Last, ListedDate, NDay, OutOfStep, Place, Rule, RuleError,
    Weekday, format_dates, limits, parse_dates,
};
use tandem_engine::time::{BundledZones, LocalDateTime};

fn wall(text: &str) -> NaiveDateTime {
    LocalDateTime::parse(text).unwrap().0
}

fn s(text: &str) -> i64 {
    wall(text).and_utc().timestamp()
}

fn rule(text: &str) -> Rule {
    Rule::from_rrule(text, &Place { all_day: false, zone: None, zones: &BundledZones::new() }).unwrap()
}

fn expander(text: &str, start: &str) -> Expander {
    Expander::new(&rule(text), wall(start), false, OutOfStep::First).unwrap()
}

fn all(expander: &Expander, from: i64, to: i64) -> Vec<i64> {
    let mut found = Vec::new();
    let done = expander.each(from, to, &mut Budget::new(u32::MAX), |at| {
        found.push(at);
        true
    });
    done.unwrap();
    found
}

fn signed(low: i32, high: i32) -> impl Strategy<Value = Vec<i32>> {
    let either = prop_oneof![low..=-1, 1..=high];
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(either, 1..4)]
}

fn some<T: Clone + std::fmt::Debug + 'static>(of: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    let most = of.len().min(3);
    prop_oneof![2 => Just(Vec::new()), 1 => subsequence(of, 1..=most)]
}

prop_compose! {
    fn any_rule()(
        frequency in select(vec![Frequency::Yearly, Frequency::Monthly, Frequency::Weekly, Frequency::Daily, Frequency::Hourly]),
        interval in select(vec![1u32, 1, 2, 3, 5, 13, 24]),
        first_day_of_week in select(Weekday::ALL.to_vec()),
        days in some(Weekday::ALL.to_vec()),
        nth in select(vec![None, None, Some(1), Some(2), Some(-1), Some(5)]),
        by_month_day in signed(-31, 31),
        by_month in some((1..=12).collect::<Vec<u32>>()),
        by_year_day in signed(-366, 366),
        by_week_no in signed(-53, 53),
        by_hour in some((0..24).collect::<Vec<u32>>()),
        by_minute in some((0..60).collect::<Vec<u32>>()),
        by_set_position in signed(-5, 5),
        end in 0..3u32,
        count in 1..200u32,
        until_days in 0..4_000i64,
    ) -> Rule {
        let yearly = frequency == Frequency::Yearly;
        let counted = (yearly && by_week_no.is_empty()) || frequency == Frequency::Monthly;
        let nth = nth.filter(|_| counted);
        let until = DateTime::from_timestamp(s("2010-01-01T09:30:00") + until_days * 86_400, 0).unwrap().naive_utc();
        Rule {
            interval,
            first_day_of_week,
            by_day: days.into_iter().map(|day| NDay { day, nth_of_period: nth }).collect(),
            by_month_day: if frequency == Frequency::Weekly { vec![] } else { by_month_day },
            by_month,
            by_year_day: if yearly { by_year_day } else { vec![] },
            by_week_no: if yearly { by_week_no } else { vec![] },
            by_hour,
            by_minute,
            by_set_position,
            count: (end == 1).then_some(count),
            until: (end == 2).then_some(LocalDateTime(until)),
            ..Rule::every(frequency)
        }
    }
}

const START: &str = "2010-03-31T09:30:00";

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_and_json_read_back_the_same(rule in any_rule()) {
        let zones = BundledZones::new();
        for zone in [None, Some("Europe/Berlin"), Some("UTC")] {
            let place = Place { all_day: false, zone, zones: &zones };
            prop_assert_eq!(Rule::from_rrule(&rule.to_rrule(&place), &place), Ok(rule.clone()));
        }
        prop_assert_eq!(Rule::from_json(&rule.to_json()), Ok(rule));
    }

    #[test]
    fn entering_in_the_middle_equals_walking(rule in any_rule(), from_days in -500i64..6_000, days in 0i64..900) {
        let expander = Expander::new(&rule, wall(START), false, OutOfStep::First).unwrap();
        let from = s(START) + from_days * 86_400 - 1_800;
        let to = from + days * 86_400;
        let walked = all(&expander, i64::MIN, to);
        prop_assert!(walked.is_sorted() && walked.windows(2).all(|w| w[0] < w[1]));
        let inside: Vec<i64> = walked.iter().copied().filter(|at| *at >= from).collect();
        prop_assert_eq!(&all(&expander, from, to), &inside);
        let budget = || Budget::new(u32::MAX);
        prop_assert_eq!(expander.count_before(from, &mut budget()).unwrap(), (walked.len() - inside.len()) as u64);
        for at in inside.iter().take(3) {
            prop_assert!(expander.contains(*at, &mut budget()).unwrap());
            prop_assert_eq!(expander.contains(at + 1, &mut budget()).unwrap(), walked.contains(&(at + 1)));
        }
    }

    #[test]
    fn the_last_is_the_last_of_all(rule in any_rule()) {
        let expander = Expander::new(&rule, wall(START), false, OutOfStep::First).unwrap();
        match expander.last(&mut Budget::default()) {
            Last::Endless => prop_assert!(rule.until.is_none()),
            Last::At(at) => prop_assert_eq!(all(&expander, i64::MIN, limits::LAST_SECOND).last().copied(), Some(at)),
            Last::AtMost(at) => prop_assert!(all(&expander, at + 1, limits::LAST_SECOND).is_empty()),
            Last::Never => prop_assert!(false, "a start is always an occurrence"),
        }
    }

    #[test]
    fn sub_daily_rules_are_steps_that_pass(
        frequency in select(vec![Frequency::Hourly, Frequency::Minutely, Frequency::Secondly]),
        interval in select(vec![1u32, 2, 4, 5, 7, 15, 20, 30, 45, 60, 90, 120, 720, 1_440, 3_600, 5_400, 7_200]),
        by_hour in some((0..24).collect::<Vec<u32>>()),
        by_minute in some((0..60).collect::<Vec<u32>>()),
        by_second in some((0..60).collect::<Vec<u32>>()),
        by_day in some(Weekday::ALL.to_vec()),
        by_month in some(vec![3u32, 4]),
        by_month_day in select(vec![vec![], vec![31], vec![-1, 2]]),
        from_hours in 0i64..100,
    ) {
        let by_day: Vec<NDay> = by_day.into_iter().map(|day| NDay { day, nth_of_period: None }).collect();
        let rule = Rule { interval, by_hour, by_minute, by_second, by_day, by_month, by_month_day, ..Rule::every(frequency) };
        let expander = Expander::new(&rule, wall(START), false, OutOfStep::Drop).unwrap();
        let from = s(START) + from_hours * 3_600;
        let to = from + 6 * 3_600;
        prop_assert_eq!(all(&expander, from, to), naive(&rule, from, to));
    }
}

/// Every second of the window, asked whether it lies in a step and passes every part.
fn naive(rule: &Rule, from: i64, to: i64) -> Vec<i64> {
    let unit = match rule.frequency {
        Frequency::Hourly => 3_600,
        Frequency::Minutely => 60,
        _ => 1,
    };
    let start = wall(START);
    let base = s(START) / unit * unit;
    let listed = |list: &[u32], n: u32, default: Option<u32>| match default {
        Some(default) if list.is_empty() => n == default,
        _ => list.is_empty() || list.contains(&n),
    };
    let passes = |second: &i64| {
        let at = DateTime::from_timestamp(*second, 0).unwrap().naive_utc();
        let back = at.day() as i32 - 1 - NaiveDate::num_days_in_month(&at.date()) as i32;
        (second - base) / unit % i64::from(rule.interval) == 0
            && listed(&rule.by_hour, at.hour(), None)
            && listed(&rule.by_minute, at.minute(), (unit > 60).then_some(start.minute()))
            && listed(&rule.by_second, at.second(), (unit > 1).then_some(start.second()))
            && listed(&rule.by_month, at.month(), None)
            && (rule.by_month_day.is_empty() || rule.by_month_day.iter().any(|d| *d == at.day() as i32 || *d == back))
            && (rule.by_day.is_empty()
                || rule.by_day.iter().any(|d| d.day as u32 == at.weekday().num_days_from_monday()))
    };
    (from..to).filter(passes).collect()
}

#[test]
fn hostile_rules_end_within_the_budget() {
    let everything = format!(
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={};BYMINUTE={};BYSECOND={};BYSETPOS=-1",
        join(0..24),
        join(0..60),
        join(0..60)
    );
    let rules = [
        ("FREQ=SECONDLY;BYSECOND=1;BYSETPOS=2", 0),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", 0),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", 0),
        ("FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=30", 0),
        ("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", 0),
        ("FREQ=SECONDLY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=30", 0),
        ("FREQ=SECONDLY;INTERVAL=7", 12_343),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=5", 0),
        ("FREQ=HOURLY;INTERVAL=25;BYHOUR=5", 0),
        ("FREQ=DAILY;COUNT=4294967295", 1),
        ("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=4294967295", 0),
        ("FREQ=YEARLY;INTERVAL=100000000;COUNT=4294967295", 0),
        (&everything, 0),
    ];
    for (text, in_a_day) in rules {
        let expander = Expander::new(&rule(text), wall(START), false, OutOfStep::Drop).unwrap();
        let from = s("2026-03-10T00:00:00");
        let mut n = 0;
        let done = expander.each(from, from + 86_400, &mut Budget::default(), |_| {
            n += 1;
            true
        });
        assert_eq!((done, n), (Ok(()), in_a_day), "{text}");
        // No end that the budget finds is no end.
        assert!(!matches!(expander.last(&mut Budget::default()), Last::Never), "{text}");
    }
    let last_second = expander(&everything, START);
    assert_eq!(all(&last_second, s("2026-01-01T00:00:00"), s("2027-01-01T00:00:00")), [s("2026-12-31T23:59:59")]);
}

fn join(range: std::ops::Range<u32>) -> String {
    range.map(|n| n.to_string()).collect::<Vec<_>>().join(",")
}

#[test]
fn a_spent_budget_is_an_answer_that_is_always_the_same() {
    let counted = expander("FREQ=SECONDLY;INTERVAL=7;BYMONTH=2,3;COUNT=4294967295", "2000-01-01T00:00:00");
    let run = || {
        let mut n = 0;
        let done = counted.each(s("2026-03-10T00:00:00"), s("2026-03-11T00:00:00"), &mut Budget::default(), |_| {
            n += 1;
            true
        });
        (done.is_err(), n)
    };
    assert_eq!(run(), (true, 0));
    assert_eq!(run(), run());
}

#[test]
fn rules_out_of_range_are_refused_with_a_reason() {
    let zones = BundledZones::new();
    let place = Place { all_day: false, zone: Some("Europe/Berlin"), zones: &zones };
    let cases = [
        ("", RuleError::Frequency),
        ("INTERVAL=2", RuleError::Frequency),
        ("FREQ=FORTNIGHTLY", RuleError::Frequency),
        ("FREQ=DAILY;COUNT", RuleError::Malformed),
        ("FREQ=DAILY;X-Y=1", RuleError::UnknownPart),
        ("FREQ=DAILY;COUNT=1;COUNT=2", RuleError::Repeated("COUNT")),
        ("FREQ=DAILY;COUNT=0", RuleError::Range("COUNT")),
        ("FREQ=DAILY;COUNT=99999999999999999999", RuleError::Range("COUNT")),
        ("FREQ=DAILY;INTERVAL=0", RuleError::Range("INTERVAL")),
        ("FREQ=DAILY;INTERVAL=100000001", RuleError::Range("INTERVAL")),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260101", RuleError::CountAndUntil),
        ("FREQ=DAILY;UNTIL=20260230", RuleError::Range("UNTIL")),
        ("FREQ=WEEKLY;BYDAY=2MO", RuleError::NumberedDay),
        ("FREQ=MONTHLY;BYDAY=54MO", RuleError::Range("BYDAY")),
        ("FREQ=MONTHLY;BYMONTHDAY=0", RuleError::Range("BYMONTHDAY")),
        ("FREQ=DAILY;BYHOUR=24", RuleError::Range("BYHOUR")),
        ("FREQ=DAILY;BYHOUR=é", RuleError::Range("BYHOUR")),
        ("FREQ=MONTHLY;BYDAY=é", RuleError::Range("BYDAY")),
        ("RSCALE=CHINESE;FREQ=YEARLY", RuleError::Unsupported("RSCALE")),
        ("FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD", RuleError::Unsupported("SKIP")),
    ];
    for (text, error) in cases {
        assert_eq!(Rule::from_rrule(text, &place), Err(error), "{text}");
    }
    let long = format!("FREQ=DAILY;BYHOUR={}", vec!["1"; limits::LIST_ITEMS + 1].join(","));
    assert_eq!(Rule::from_rrule(&long, &place), Err(RuleError::Range("BYHOUR")));
    assert_eq!(Rule::from_json(&serde_json::json!({"frequency": 3})), Err(RuleError::Malformed));
}

#[test]
fn until_becomes_a_wall_time_of_the_event() {
    let zones = BundledZones::new();
    let berlin = Place { all_day: false, zone: Some("Europe/Berlin"), zones: &zones };
    let floating = Place { zone: None, ..berlin };
    let all_day = Place { all_day: true, ..berlin };
    let cases = [
        (berlin, "20261231T090000Z", "2026-12-31T10:00:00", "20261231T090000Z"),
        (berlin, "20260701T090000Z", "2026-07-01T11:00:00", "20260701T090000Z"),
        (berlin, "20261231T090000", "2026-12-31T09:00:00", "20261231T080000Z"),
        (berlin, "20261231", "2026-12-31T23:59:59", "20261231T225959Z"),
        (floating, "20261231T090000Z", "2026-12-31T09:00:00", "20261231T090000"),
        (all_day, "20261231", "2026-12-31T00:00:00", "20261231"),
        (all_day, "20261231T230000Z", "2026-12-31T00:00:00", "20261231"),
    ];
    for (place, text, until, written) in cases {
        let rule = Rule::from_rrule(&format!("FREQ=WEEKLY;BYDAY=MO;UNTIL={text}"), &place).unwrap();
        assert_eq!(rule.until.unwrap().to_string(), until, "{text}");
        assert_eq!(rule.to_rrule(&place), format!("FREQ=WEEKLY;BYDAY=MO;UNTIL={written}"), "{text}");
    }
}

#[test]
fn the_json_of_a_rule_is_that_of_rfc_8984() {
    let rule = rule("rrule:freq=monthly;interval=2;bymonth=5;byday=-1fr,mo;wkst=su;count=4;");
    let json = serde_json::json!({
        "@type": "RecurrenceRule", "frequency": "monthly", "interval": 2, "firstDayOfWeek": "su",
        "byDay": [{"@type": "NDay", "day": "fr", "nthOfPeriod": -1}, {"@type": "NDay", "day": "mo"}],
        "byMonth": ["5"], "count": 4
    });
    assert_eq!(rule.to_json(), json);
    let bare = serde_json::json!({"frequency": "daily", "rscale": "gregorian", "skip": "omit", "x": {"y": 1}});
    assert_eq!(Rule::from_json(&bare), Ok(Rule::every(Frequency::Daily)));
}

#[test]
fn lines_of_dates_become_wall_times_of_the_event() {
    let zones = BundledZones::new();
    let berlin = Place { all_day: false, zone: Some("Europe/Berlin"), zones: &zones };
    let all_day = Place { all_day: true, zone: None, ..berlin };
    let at = |text: &str| ListedDate::At(LocalDateTime::parse(text).unwrap());
    let cases = [
        (
            berlin,
            "EXDATE;TZID=Europe/Berlin:20260302T090000,20260309T090000",
            vec![at("2026-03-02T09:00:00"), at("2026-03-09T09:00:00")],
        ),
        (berlin, "EXDATE:20260302T080000Z", vec![at("2026-03-02T09:00:00")]),
        (berlin, "exdate;tzid=\"America/New_York\":20260302T030000", vec![at("2026-03-02T09:00:00")]),
        (berlin, "EXDATE;VALUE=DATE:20260302", vec![ListedDate::Day(NaiveDate::from_ymd_opt(2026, 3, 2).unwrap())]),
        (all_day, "EXDATE;VALUE=DATE:20260302", vec![at("2026-03-02T00:00:00")]),
        (all_day, "EXDATE:20260302T080000Z", vec![at("2026-03-02T00:00:00")]),
    ];
    for (place, line, dates) in cases {
        let read = parse_dates(line, &place).unwrap();
        assert_eq!((read.kind, read.dates), (DatesKind::Excluded, dates), "{line}");
    }
    let wrong = [
        ("DTSTART:20260302", DatesError::Malformed),
        ("EXDATE", DatesError::Malformed),
        ("EXDATE:tomorrow", DatesError::Date),
        ("EXDATE;TZID=Mars/Base:20260302T090000", DatesError::Zone),
        ("RDATE;VALUE=PERIOD:20260302T090000Z/PT1H", DatesError::Period),
    ];
    for (line, error) in wrong {
        assert_eq!(parse_dates(line, &berlin), Err(error), "{line}");
    }
    let ids = [LocalDateTime(wall("2026-03-02T09:00:00"))];
    let written = |place| format_dates(DatesKind::Additional, &ids, &place).unwrap();
    assert_eq!(written(berlin), "RDATE;TZID=Europe/Berlin:20260302T090000");
    assert_eq!(written(Place { zone: Some("UTC"), ..berlin }), "RDATE:20260302T090000Z");
    assert_eq!(written(Place { zone: None, ..berlin }), "RDATE:20260302T090000");
    assert_eq!(written(all_day), "RDATE;VALUE=DATE:20260302");
    assert_eq!(format_dates(DatesKind::Excluded, &[], &berlin), None);
}
