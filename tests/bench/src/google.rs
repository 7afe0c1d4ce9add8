//! Google: whole rows in large pages, a sync token, channels that are proved by a header.

use std::sync::Arc;

use axum::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};
use tandem_engine::effects::ProviderKind;
use tandem_host::store::Provider as Kind;
use tandem_providers::{ManualClock, google};

use crate::Failed;
use crate::dialect::{ACCESS, ACCOUNT, Asked, Asking, Dialect, NOW_MS, Next, Notice, Simulated, Watch, ZONE};
use crate::pages::Pages;

/// See the module.
pub(crate) struct Google;

impl Dialect for Google {
    fn kind(&self) -> Kind {
        Kind::Google
    }

    fn engine(&self) -> ProviderKind {
        ProviderKind::Google
    }

    fn name(&self) -> &'static str {
        "Google"
    }

    /// As many as Google allows.
    fn page_rows(&self) -> usize {
        2_500
    }

    fn simulated(&self, events: usize) -> Result<Simulated, Failed> {
        let google = google::Google::new(google::Config::default(), Arc::new(ManualClock::at(NOW_MS)));
        google.add_account(ACCOUNT, ZONE);
        google.grant_access(ACCOUNT, ACCESS, 3_600_000);
        google.generate(ACCOUNT, events, 7).map_err(|_| "the calendar cannot be filled")?;
        Ok(Box::new(move |request| google.handle(request)))
    }

    fn rows(&self) -> &'static str {
        "items"
    }

    fn names(&self, row: &Value) -> Vec<String> {
        row["recurringEventId"].as_str().or(row["id"].as_str()).map(str::to_owned).into_iter().collect()
    }

    fn edited(&self) -> [&'static str; 2] {
        [r#""summary":""#, r#""etag":"\""#]
    }

    fn page(&self, _authority: &str, next: Next, items: &str) -> Bytes {
        let next = match next {
            Next::Page(place) => format!(r#""nextPageToken":"{place}""#),
            Next::Cursor(place) => format!(r#""nextSyncToken":"{place}""#),
        };
        let head = r#"{"kind":"calendar#events","etag":"\"1\"","summary":"ada","timeZone":"Europe/Berlin""#;
        format!(r#"{head},"accessRole":"owner",{next},"items":[{items}]}}"#).into()
    }

    fn read(&self, pages: &Pages, request: &Asking<'_>) -> Option<Asked> {
        if request.method == Method::POST {
            return watch(request.body);
        }
        // A single event: the engine reads exceptions again when their series changed.
        if let Some((_, id)) = request.uri.path().split_once("/events/") {
            return pages.event(id).map(|body| Asked::Answer(body.into()));
        }
        request.place(["pageToken", "syncToken"]).map(Asked::Listing)
    }

    fn batches(&self) -> &'static [usize] {
        &[1]
    }

    fn notice(&self, watch: &Watch, _items: usize) -> Notice {
        let headers = [
            ("host", "127.0.0.1"),
            ("content-type", "application/json; utf-8"),
            ("content-length", "0"),
            ("user-agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"),
            ("x-goog-channel-id", &watch.id),
            ("x-goog-channel-token", &watch.secret),
            ("x-goog-channel-expiration", "Mon, 09 Mar 2026 08:00:00 GMT"),
            ("x-goog-resource-id", "r"),
            ("x-goog-resource-state", "exists"),
            ("x-goog-resource-uri", "https://www.googleapis.com/calendar/v3/calendars/primary/events?alt=json"),
        ];
        Notice {
            query: watch.query.clone(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            counter: Some("x-goog-message-number"),
            body: String::new(),
        }
    }
}

fn watch(body: &[u8]) -> Option<Asked> {
    let asked: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let granted = json!({"id": text("id"), "resourceId": "r", "expiration": text("expiration")});
    let watch = Watch { id: text("id"), secret: text("token"), query: String::new() };
    Some(Asked::Watch(watch, granted.to_string().into()))
}
