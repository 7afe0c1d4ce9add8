//! A small world for the rules of the simulated Google: one account, one clock, short calls.
#![allow(dead_code, reason = "each test file uses its own part of the world")]

use std::sync::Arc;

use serde_json::{Value, json};
use tandem_providers::google::{Config, Google};
use tandem_providers::{ManualClock, SimRequest, SimResponse};

/// 2026-03-02T08:00:00Z, a Monday.
pub(crate) const NOW_MS: i64 = 1_772_438_400_000;
pub(crate) const ME: &str = "ada@example.com";
pub(crate) const TOKEN: &str = "access";
pub(crate) const EVENTS: &str = "/calendar/v3/calendars/primary/events";

pub(crate) struct World {
    pub(crate) google: Google,
    pub(crate) clock: ManualClock,
}

pub(crate) fn world() -> World {
    world_with(Config::default())
}

pub(crate) fn world_with(config: Config) -> World {
    let clock = ManualClock::at(NOW_MS);
    let google = Google::new(config, Arc::new(clock.clone()));
    google.add_account(ME, "Europe/Berlin");
    google.grant_access(ME, TOKEN, i64::MAX / 2);
    World { google, clock }
}

impl World {
    pub(crate) fn send(&self, request: SimRequest) -> SimResponse {
        self.clock.advance(10);
        self.google.handle(&request)
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
        assert_eq!(response.status(), Some(200), "{}", response.json());
        response.json()
    }

    pub(crate) fn patch(&self, id: &str, body: &Value) -> SimResponse {
        self.call("PATCH", &format!("{EVENTS}/{id}"), Some(body))
    }

    pub(crate) fn delete(&self, id: &str) -> SimResponse {
        self.call("DELETE", &format!("{EVENTS}/{id}"), None)
    }

    pub(crate) fn event(&self, id: &str) -> Value {
        self.get(&format!("{EVENTS}/{id}")).json()
    }

    /// One page.
    pub(crate) fn page(&self, query: &str) -> Value {
        let response = self.get(&format!("{EVENTS}?{query}"));
        assert_eq!(response.status(), Some(200), "{}", response.json());
        response.json()
    }

    /// All pages: the items and the sync token.
    pub(crate) fn listing(&self, query: &str) -> (Vec<Value>, String) {
        let mut items = Vec::new();
        let mut page = self.page(query);
        loop {
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            if let Some(token) = page["nextSyncToken"].as_str() {
                assert!(page.get("nextPageToken").is_none(), "both tokens in one page");
                return (items, token.to_owned());
            }
            let token = page["nextPageToken"].as_str().unwrap().to_owned();
            page = self.page(&format!("{query}&pageToken={token}"));
        }
    }
}

pub(crate) fn at(text: &str) -> Value {
    json!({ "dateTime": text, "timeZone": "Europe/Berlin" })
}

/// An hour's meeting on 2026-03-03, 10 o'clock in Berlin.
pub(crate) fn meeting(summary: &str) -> Value {
    json!({
        "summary": summary,
        "start": at("2026-03-03T10:00:00"),
        "end": at("2026-03-03T11:00:00"),
    })
}

/// The same, repeated.
pub(crate) fn series(rule: &str) -> Value {
    let mut body = meeting("series");
    body["recurrence"] = json!([rule]);
    body
}

pub(crate) fn check(response: &SimResponse, status: u16, domain: &str, reason: &str, message: &str) {
    assert_eq!(response.status(), Some(status), "{}", response.json());
    let body = response.json();
    assert_eq!(body["error"]["code"], status);
    assert_eq!(body["error"]["message"], message);
    assert_eq!(body["error"]["errors"][0]["domain"], domain);
    assert_eq!(body["error"]["errors"][0]["reason"], reason);
    assert_eq!(body["error"]["errors"][0]["message"], message);
}

/// The reason of an error.
pub(crate) fn reason(response: &SimResponse) -> String {
    response.json()["error"]["errors"][0]["reason"].as_str().unwrap_or_default().to_owned()
}
