//! A small world for the rules of the simulated Microsoft: one account, one clock, short calls.
#![allow(dead_code, reason = "each test file uses its own part of the world")]

use std::sync::Arc;

use serde_json::{Value, json};
use tandem_providers::microsoft::{Config, Microsoft};
use tandem_providers::{ManualClock, SimRequest, SimResponse};

/// 2026-03-02T08:00:00Z, a Monday.
pub(crate) const NOW_MS: i64 = 1_772_438_400_000;
pub(crate) const ME: &str = "ada@example.com";
pub(crate) const TOKEN: &str = "access";
pub(crate) const EVENTS: &str = "/v1.0/me/events";
pub(crate) const BERLIN: &str = "W. Europe Standard Time";
/// March and April of the year.
pub(crate) const WINDOW: &str = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-05-01T00:00:00Z";
pub(crate) const MARK: &str = "String {6b1c3c2e-6a57-4f9b-9d2e-0f0a4f1c2d3e} Name tandem";

pub(crate) struct World {
    pub(crate) graph: Microsoft,
    pub(crate) clock: ManualClock,
    pub(crate) calendar: String,
    /// Sent with every request.
    pub(crate) prefer: Vec<String>,
}

/// Without drift, so that tests of other rules see only their own changes.
pub(crate) fn calm() -> Config {
    Config { drift_after_ms: None, ..Config::default() }
}

pub(crate) fn world() -> World {
    world_with(calm())
}

pub(crate) fn world_with(config: Config) -> World {
    let clock = ManualClock::at(NOW_MS);
    let graph = Microsoft::new(config, Arc::new(clock.clone()));
    let calendar = graph.add_account(ME, BERLIN);
    graph.grant_access(ME, TOKEN, i64::MAX / 2);
    World { graph, clock, calendar, prefer: Vec::new() }
}

/// The rows of a listing and the link at its end.
pub(crate) struct Listed {
    pub(crate) rows: Vec<Value>,
    pub(crate) pages: usize,
    pub(crate) link: String,
}

impl Listed {
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.rows.iter().map(|row| row["type"].as_str().unwrap_or("removed").to_owned()).collect()
    }

    pub(crate) fn removed(&self) -> Vec<&str> {
        self.rows.iter().filter(|row| row.get("@removed").is_some()).map(id).collect()
    }
}

impl World {
    pub(crate) fn send(&self, mut request: SimRequest) -> SimResponse {
        self.clock.advance(10);
        for prefer in &self.prefer {
            request = request.with_header("Prefer", prefer);
        }
        self.graph.handle(&request)
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> SimResponse {
        let request = SimRequest::new(method, path).bearer(TOKEN);
        self.send(match body {
            Some(body) => request.json(body),
            None => request,
        })
    }

    pub(crate) fn get(&self, path: &str) -> SimResponse {
        self.call("GET", path, None)
    }

    pub(crate) fn insert(&self, body: &Value) -> SimResponse {
        self.call("POST", EVENTS, Some(body))
    }

    /// Inserts and gives back the event.
    pub(crate) fn made(&self, body: &Value) -> Value {
        let response = self.insert(body);
        assert_eq!(response.status(), Some(201), "{}", response.json());
        response.json()
    }

    pub(crate) fn patch(&self, id: &str, body: &Value) -> SimResponse {
        self.call("PATCH", &format!("{EVENTS}/{id}"), Some(body))
    }

    /// Patches and gives back the event.
    pub(crate) fn patched(&self, id: &str, body: &Value) -> Value {
        let response = self.patch(id, body);
        assert_eq!(response.status(), Some(200), "{}", response.json());
        response.json()
    }

    pub(crate) fn delete(&self, id: &str) -> SimResponse {
        self.call("DELETE", &format!("{EVENTS}/{id}"), None)
    }

    pub(crate) fn event(&self, id: &str) -> Value {
        self.get(&format!("{EVENTS}/{id}")).json()
    }

    /// All pages.
    pub(crate) fn listing(&self, path: &str) -> Listed {
        let mut listed = Listed { rows: Vec::new(), pages: 0, link: String::new() };
        let mut path = path.to_owned();
        loop {
            let response = self.get(&path);
            assert_eq!(response.status(), Some(200), "{}", response.json());
            let page = response.json();
            listed.pages += 1;
            listed.rows.extend(page["value"].as_array().unwrap().clone());
            let next = page["@odata.nextLink"].as_str();
            match next {
                Some(next) => path = next.to_owned(),
                None => {
                    listed.link = page["@odata.deltaLink"].as_str().unwrap_or_default().to_owned();
                    return listed;
                }
            }
        }
    }

    /// A first round of calendarView/delta.
    pub(crate) fn view_delta(&self) -> Listed {
        self.listing(&format!("/v1.0/me/calendarView/delta?{WINDOW}"))
    }

    /// A first round of events/delta.
    pub(crate) fn events_delta(&self) -> Listed {
        self.listing(&format!("/v1.0/me/calendars/{}/events/delta", self.calendar))
    }

    /// The occurrences in the window, by start.
    pub(crate) fn instances(&self, master: &str) -> Vec<Value> {
        self.listing(&format!("{EVENTS}/{master}/instances?{WINDOW}&$top=100")).rows
    }
}

pub(crate) fn id(row: &Value) -> &str {
    row["id"].as_str().unwrap()
}

pub(crate) fn at(text: &str) -> Value {
    json!({ "dateTime": text, "timeZone": BERLIN })
}

/// An hour's meeting on 2026-03-03, a Tuesday, 10 o'clock in Berlin.
pub(crate) fn meeting(subject: &str) -> Value {
    json!({ "subject": subject, "start": at("2026-03-03T10:00:00"), "end": at("2026-03-03T11:00:00") })
}

/// The same, repeated; the range starts on its day.
pub(crate) fn series(pattern: Value, mut range: Value) -> Value {
    let mut body = meeting("series");
    range["startDate"] = json!("2026-03-03");
    body["recurrence"] = json!({ "pattern": pattern, "range": range });
    body
}

/// Every Tuesday, `count` times.
pub(crate) fn weekly(count: u32) -> Value {
    let pattern = json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"] });
    series(pattern, json!({ "type": "numbered", "numberOfOccurrences": count }))
}

pub(crate) fn refused(response: &SimResponse, status: u16, code: &str) {
    assert_eq!(response.status(), Some(status), "{}", response.json());
    assert_eq!(response.json()["error"]["code"], code);
}

/// The `start.dateTime` of rows.
pub(crate) fn starts(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["start"]["dateTime"].as_str().unwrap()[..16].to_owned()).collect()
}
