//! Microsoft: `events/delta` in small pages with absolute links, `$batch` for series, notifications of many items.

use std::sync::Arc;

use axum::http::Method;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tandem_engine::effects::ProviderKind;
use tandem_host::store::Provider as Kind;
use tandem_providers::{ManualClock, microsoft};

use crate::Failed;
use crate::dialect::{ACCESS, ACCOUNT, Asked, Asking, Dialect, NOW_MS, Next, Notice, Simulated, Watch, ZONE};
use crate::pages::Pages;

/// See the module.
pub(crate) struct Microsoft;

impl Dialect for Microsoft {
    fn kind(&self) -> Kind {
        Kind::Microsoft
    }

    fn engine(&self) -> ProviderKind {
        ProviderKind::Microsoft
    }

    fn name(&self) -> &'static str {
        "Microsoft"
    }

    /// As many as the engine asks for with `odata.maxpagesize`.
    fn page_rows(&self) -> usize {
        50
    }

    fn simulated(&self, events: usize) -> Result<Simulated, Failed> {
        let graph = microsoft::Microsoft::new(microsoft::Config::default(), Arc::new(ManualClock::at(NOW_MS)));
        graph.add_account(ACCOUNT, ZONE);
        graph.grant_access(ACCOUNT, ACCESS, 3_600_000);
        graph.generate(ACCOUNT, events, 7).map_err(|_| "the calendar cannot be filled")?;
        Ok(Box::new(move |request| graph.handle(request)))
    }

    fn rows(&self) -> &'static str {
        "value"
    }

    /// Ids of occurrences begin with that of their master up to its last letter, which is always `=`.
    fn names(&self, row: &Value) -> Vec<String> {
        let id = row["seriesMasterId"].as_str().or(row["id"].as_str()).map(|id| id.trim_end_matches('='));
        id.into_iter().chain(row["iCalUId"].as_str()).map(str::to_owned).collect()
    }

    fn edited(&self) -> [&'static str; 2] {
        [r#""subject":""#, r#""@odata.etag":"W/\""#]
    }

    fn page(&self, authority: &str, next: Next, items: &str) -> Bytes {
        let (name, token, place) = match next {
            Next::Page(place) => ("nextLink", "skiptoken", place),
            Next::Cursor(place) => ("deltaLink", "deltatoken", place),
        };
        let base = format!("http://{authority}/v1.0");
        let link = format!("{base}/me/calendar/events/delta?${token}={place}");
        format!(
            r#"{{"@odata.context":"{base}/$metadata#Collection(event)","value":[{items}],"@odata.{name}":"{link}"}}"#
        )
        .into()
    }

    fn read(&self, pages: &Pages, request: &Asking<'_>) -> Option<Asked> {
        match (request.method, request.uri.path()) {
            (&Method::POST, "/v1.0/$batch") => batch(pages, request.body).map(Asked::Answer),
            (&Method::POST, "/v1.0/subscriptions") => watch(request.body),
            (&Method::GET, "/v1.0/me/calendar/events/delta") => {
                request.place(["$skiptoken", "$deltatoken"]).map(Asked::Listing)
            }
            _ => None,
        }
    }

    /// One change; and many, as after a busy second.
    fn batches(&self) -> &'static [usize] {
        &[1, 20]
    }

    fn notice(&self, watch: &Watch, items: usize) -> Notice {
        let item = |number: usize| {
            let id = format!("AAkALg{number:040}=");
            let resource = format!("Users/00000003-0000-4000-a000-000000000001/Events/{id}");
            json!({
                "subscriptionId": watch.id,
                "subscriptionExpirationDateTime": "2026-03-09T08:00:00Z",
                "changeType": "updated",
                "resource": resource,
                "resourceData": {
                    "@odata.type": "#Microsoft.Graph.Event",
                    "@odata.id": resource,
                    "@odata.etag": "W/\"DwAAABYAAAB2bTDwDzXxRJ0KxMbSRBbAAAAAAAAA\"",
                    "id": id,
                },
                "clientState": watch.secret,
                "tenantId": "00000000-0000-0000-0000-0000000e4a71",
            })
        };
        let body = json!({"value": (0..items).map(item).collect::<Vec<_>>()}).to_string();
        let headers = [
            ("host", "127.0.0.1".to_owned()),
            ("content-type", "application/json; charset=utf-8".to_owned()),
            ("content-length", body.len().to_string()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Notice { query: watch.query.clone(), headers, counter: None, body }
    }
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    requests: Vec<Inner<'a>>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    id: &'a str,
    url: &'a str,
}

/// The events that a batch asks for.
fn batch(pages: &Pages, body: &[u8]) -> Option<Bytes> {
    let batch: Batch<'_> = serde_json::from_slice(body).ok()?;
    let mut answers = Vec::with_capacity(batch.requests.len());
    for Inner { id, url } in batch.requests {
        let (_, event) = url.split_once("/events/")?;
        let event = event.split('?').next()?.replace("%3D", "=");
        let body = pages.event(&event)?;
        let headers = r#"{"Content-Type":"application/json"}"#;
        answers.push(format!(r#"{{"id":"{id}","status":200,"headers":{headers},"body":{body}}}"#));
    }
    Some(format!(r#"{{"responses":[{}]}}"#, answers.join(",")).into())
}

fn watch(body: &[u8]) -> Option<Asked> {
    let mut granted: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| granted[name].as_str().unwrap_or_default().to_owned();
    let (_, query) = granted["notificationUrl"].as_str()?.split_once('?')?;
    // Graph names a subscription itself.
    let id = "00000077-0000-4000-a000-000000000001".to_owned();
    let watch = Watch { secret: text("clientState"), query: query.to_owned(), id: id.clone() };
    granted["id"] = id.into();
    Some(Asked::Watch(watch, granted.to_string().into()))
}
