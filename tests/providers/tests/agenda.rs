//! What the simulators show to a test's oracle is what they list to a caller, in both providers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod graph;
mod world;

use serde_json::{Value, json};
use tandem_providers::{Shown, google, microsoft};

/// From January to June of the year, in milliseconds since the Unix epoch.
const WINDOW_MS: (i64, i64) = (1_767_225_600_000, 1_782_864_000_000);
const WINDOW: [&str; 2] = ["2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"];
const DAY_MS: i64 = 86_400_000;

fn ms(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn of_google(item: &Value) -> Shown {
    let at = |side: &str| match item[side]["date"].as_str() {
        Some(date) => ms(&format!("{date}T00:00:00Z")),
        None => ms(item[side]["dateTime"].as_str().unwrap()),
    };
    Shown {
        start_ms: at("start"),
        end_ms: at("end"),
        all_day: item["start"].get("date").is_some(),
        title: text(&item["summary"]),
        place: text(&item["location"]),
        notes: text(&item["description"]),
    }
}

fn of_microsoft(row: &Value) -> Shown {
    let all_day = row["isAllDay"] == true;
    let at = |side: &str| match ms(&format!("{}Z", row[side]["dateTime"].as_str().unwrap())) {
        // Midnight of some zone, which is up to half a day away from that of UTC.
        at_ms if all_day => (at_ms + DAY_MS / 2).div_euclid(DAY_MS) * DAY_MS,
        at_ms => at_ms,
    };
    Shown {
        start_ms: at("start"),
        end_ms: at("end"),
        all_day,
        title: text(&row["subject"]),
        place: text(&row["location"]["displayName"]),
        notes: text(&row["body"]["content"]),
    }
}

fn sorted(mut all: Vec<Shown>) -> Vec<Shown> {
    all.sort();
    all
}

#[test]
fn google_shows_what_it_lists() {
    for role in [google::Role::Owner, google::Role::Reader] {
        let w = world::world();
        w.google.generate(world::ME, 120, 5).unwrap();
        w.made(&json!({
            "summary": "secret", "visibility": "private",
            "start": world::at("2026-03-03T10:00:00"), "end": world::at("2026-03-03T11:00:00"),
        }));
        w.google.set_role(world::ME, world::ME, Some(role));
        let query = format!("singleEvents=true&maxResults=2500&timeMin={}&timeMax={}", WINDOW[0], WINDOW[1]);
        let listed: Vec<Shown> = w.listing(&query).0.iter().map(of_google).collect();
        assert!(listed.len() > 100, "{}", listed.len());
        assert_eq!(listed.iter().any(|one| one.title == "secret"), role == google::Role::Owner);
        assert_eq!(sorted(w.google.agenda(world::ME, WINDOW_MS).unwrap()), sorted(listed));
    }
}

#[test]
fn microsoft_shows_what_it_lists() {
    let w = graph::world_with(microsoft::Config::default());
    w.graph.generate(graph::ME, 120, 5).unwrap();
    let (mut listed, mut rows) = (Vec::new(), 1);
    while rows > 0 {
        let url = format!(
            "/v1.0/me/calendarView?startDateTime={}&endDateTime={}&$top=1000&$skip={}",
            WINDOW[0],
            WINDOW[1],
            listed.len()
        );
        let request = tandem_providers::SimRequest::new("GET", &url).bearer(graph::TOKEN);
        let page = w.graph.handle(&request.with_header("prefer", "outlook.body-content-type=\"text\"")).json();
        let shown = page["value"].as_array().unwrap();
        rows = shown.len();
        listed.extend(shown.iter().map(of_microsoft));
    }
    assert!(listed.len() > 100, "{}", listed.len());
    assert_eq!(sorted(w.graph.agenda(graph::ME, WINDOW_MS)), sorted(listed));
}

#[test]
fn what_was_written_is_what_is_there() {
    let w = world::world();
    w.google.generate(world::ME, 80, 7).unwrap();
    let mut written = Vec::new();
    w.google.written(world::ME, |row| {
        written.push((row.id.to_string(), row.title.to_owned(), row.notes.to_owned(), row.start.to_string()));
    });
    let truth = w.google.truth(world::ME).into_iter().filter(|row| row["status"] != "cancelled");
    let told = |row: Value| {
        (text(&row["id"]), text(&row["summary"]), text(&row["description"]), text(&row["start"]["dateTime"]))
    };
    assert_eq!(written, truth.map(told).collect::<Vec<_>>());

    let w = graph::world_with(microsoft::Config::default());
    w.graph.generate(graph::ME, 80, 7).unwrap();
    let mut written = Vec::new();
    w.graph.written(graph::ME, |row| {
        written.push((row.id.to_string(), row.title.to_owned(), row.notes.to_owned(), row.start.to_string()));
    });
    let truth = w.graph.truth(graph::ME).into_iter().filter(|row| row["type"] != "cancelled");
    let told = |row: Value| {
        (text(&row["id"]), text(&row["subject"]), text(&row["body"]["content"]), text(&row["start"]["dateTime"]))
    };
    assert_eq!(written, truth.map(told).collect::<Vec<_>>());
}
