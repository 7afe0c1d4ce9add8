//! Civil time, durations, instants and zones.

#![allow(clippy::unwrap_used, reason = "tests")]

use tandem_engine::time::{
    BundledZones, Duration, LocalDateTime, SignedDuration, Zones, format_rfc3339, parse_rfc3339, parse_rfc3339_parts,
};

#[test]
fn local_times_read_back_the_same() {
    for text in ["2026-03-02T09:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59"] {
        assert_eq!(LocalDateTime::parse(text).unwrap().to_string(), text);
    }
    for text in [
        "2026-03-02",
        "2026-03-02T09:00",
        "2026-02-30T09:00:00",
        "2026-03-02T09:00:00Z",
        "2026-03-02 09:00:00",
        "é026-03-02T09:00:0",
    ] {
        assert_eq!(LocalDateTime::parse(text), None, "{text}");
    }
}

#[test]
fn durations_read_back_the_same() {
    let cases = [
        ("P1D", 1, 0, "P1D"),
        ("P1W", 7, 0, "P1W"),
        ("P1W2D", 9, 0, "P9D"),
        ("PT1H30M", 0, 5_400_000, "PT1H30M"),
        ("PT0S", 0, 0, "PT0S"),
        ("P0D", 0, 0, "PT0S"),
        ("P1DT2H", 1, 7_200_000, "P1DT2H"),
        ("PT90M", 0, 5_400_000, "PT1H30M"),
        ("PT1.5S", 0, 1_500, "PT1.500S"),
    ];
    for (text, days, ms, written) in cases {
        let duration = Duration::parse(text).unwrap();
        assert_eq!((duration, duration.to_string().as_str()), (Duration { days, ms }, written), "{text}");
    }
    for text in [
        "",
        "P",
        "PT",
        "1D",
        "P1",
        "P1H",
        "PT1D",
        "P1DT",
        "PT1M1H",
        "-P1D",
        "P-1D",
        "P1.5D",
        "PT99999999999H",
        "P1Y",
        "PT1é",
    ] {
        assert_eq!(Duration::parse(text), None, "{text}");
    }
    let alert = SignedDuration::parse("-PT15M").unwrap();
    assert_eq!((alert.nominal_ms(), alert.to_string().as_str()), (-900_000, "-PT15M"));
}

#[test]
fn instants_read_any_offset() {
    let cases = [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-03-02T09:00:00+01:00", 1_772_438_400_000),
        ("2026-03-02T03:00:00.123456-05:00", 1_772_438_400_123),
        ("1969-12-31T23:59:59.5Z", -500),
    ];
    for (text, ms) in cases {
        assert_eq!(parse_rfc3339(text), Some(ms), "{text}");
        assert_eq!(parse_rfc3339(&format_rfc3339(ms).unwrap()), Some(ms), "{text}");
    }
    let (local, _) = parse_rfc3339_parts("2026-03-02T09:00:00+01:00").unwrap();
    assert_eq!(LocalDateTime(local).to_string(), "2026-03-02T09:00:00");
    for text in [
        "2026-03-02T09:00:00",
        "2026-03-02T09:00:00+0100",
        "2026-03-02T09:00:00.Z",
        "2026-03-02T09:00:00Zz",
        "2026-03-02T09:00:00+25:00",
    ] {
        assert_eq!(parse_rfc3339(text), None, "{text}");
    }
    assert_eq!(format_rfc3339(i64::MAX), None);
}

#[test]
fn a_window_of_a_zone_converts_like_the_zone() {
    let zones = BundledZones::new();
    // Clock changes at midnight, by half an hour, of a whole day, in Ramadan, and none.
    for zone in ["America/Havana", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "UTC", "Europe/Dublin"] {
        let at = |text: &str| LocalDateTime::parse(text).unwrap().0;
        let (from, to) = (at("2011-01-01T00:00:00"), at("2013-01-01T00:00:00"));
        let window = zones.window(zone, from, to).unwrap();
        let mut local = from;
        while local < to {
            let utc_ms = zones.to_utc_ms(zone, local).unwrap();
            assert_eq!(window.to_utc_ms(local.and_utc().timestamp()), utc_ms, "{zone} {local}");
            let back = zones.to_local(zone, utc_ms).unwrap();
            assert!(back >= local, "{zone} {local}: a gap is shifted forward, never back");
            local += chrono::TimeDelta::minutes(10);
        }
    }
    assert!(zones.exists("Etc/UTC") && !zones.exists("Mars/Base") && !zones.exists(""));
    assert_eq!(zones.to_local("Mars/Base", 0), None);
}

/// TZif (RFC 9636) of a zone that always is this many hours east, by its footer alone.
fn tzif(hours: i8) -> Vec<u8> {
    let mut header = b"TZif2".to_vec();
    header.extend([0; 15]);
    // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
    for count in [0u32, 0, 0, 0, 1, 4] {
        header.extend(count.to_be_bytes());
    }
    let mut data = (i32::from(hours) * 3_600).to_be_bytes().to_vec();
    data.extend([0, 0]);
    data.extend(b"NEW\0");
    let footer = format!("\n<NEW>{}\n", -hours);
    [header.clone(), data.clone(), header, data, footer.into_bytes()].concat()
}

#[test]
fn a_host_may_have_newer_rules() {
    let newer = |zone: &str| match zone {
        "Europe/Berlin" => Some(tzif(5)),
        "Mars/Base" => Some(tzif(-3)),
        "Europe/Paris" => Some(b"TZif, but damaged".to_vec()),
        _ => None,
    };
    let (own, zones) = (BundledZones::new(), BundledZones::overridden_by(Box::new(newer)));
    let noon = LocalDateTime::parse("2026-07-01T12:00:00").unwrap().0;
    let hour = |zones: &BundledZones, zone: &str| zones.to_utc_ms(zone, noon).map(|ms| ms / 3_600_000 % 24);
    assert_eq!((hour(&own, "Europe/Berlin"), hour(&zones, "Europe/Berlin")), (Some(10), Some(7)));
    assert_eq!((hour(&own, "Mars/Base"), hour(&zones, "Mars/Base")), (None, Some(15)), "a new zone");
    assert_eq!(hour(&zones, "Europe/Paris"), Some(10), "rules that cannot be read count as none");
    assert_eq!(hour(&zones, "America/New_York"), Some(16), "the rest is as before");
    // A series keeps its wall time whatever the rules are: only its instants move.
    let series = serde_json::json!({"start": "2026-03-02T09:00:00", "timeZone": "Europe/Berlin",
        "recurrenceRules": [{"frequency": "daily", "count": 2}]});
    let window = tandem_engine::recurrence::Window { from_ms: 0, to_ms: 4_000_000_000_000, zone: "UTC", limit: 9 };
    let found = |zones: &BundledZones| {
        let items = tandem_engine::recurrence::occurrences(&series, &window, zones).unwrap().items;
        items.into_iter().map(|item| (item.recurrence_id.unwrap(), item.start_ms / 3_600_000 % 24)).collect::<Vec<_>>()
    };
    let at = |hour| ["2026-03-02T09:00:00", "2026-03-03T09:00:00"].map(|id| (id.to_owned(), hour)).to_vec();
    assert_eq!((found(&own), found(&zones)), (at(8), at(4)));
}
