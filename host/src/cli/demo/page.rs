//! The page's own small server. It is not part of the product: it holds the page open while the product's server is
//! killed and started again.
//!
//! Only pages of this server may use it: a request from another site is refused.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, response};
use futures_util::stream::{Stream, StreamExt as _, iter, unfold};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;

use super::actions::Actions;
use super::live::{Live, Update};
use super::trouble::{Told, Trouble};
use super::view;
use crate::config::is_loopback_host;

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    live: Arc<Live>,
    actions: Arc<Actions>,
    api: Arc<str>,
}

/// Serve the page until the future is dropped.
pub(super) async fn serve(listener: TcpListener, live: Arc<Live>, actions: Arc<Actions>, api: String) -> Told<()> {
    let router = Router::new()
        .route("/", get(page))
        .route("/demo", get(page))
        .route("/live", get(watch))
        .route("/do", post(act))
        .route("/page.css", get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], view::CSS)))
        .route("/page.js", get(async || ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], view::SCRIPT)))
        .layer(from_fn(guard))
        .with_state(Shared { live, actions, api: api.into() });
    // A page that stays open must not hold back the end.
    let never = std::future::pending();
    crate::http::serve(listener, router, never, std::time::Duration::ZERO).await;
    Err(Trouble::from("the page's server ended"))
}

/// Refuse other sites and other names, and let the page load nothing from elsewhere.
async fn guard(request: Request, next: Next) -> Response {
    if !is_local(request.headers()) {
        return (StatusCode::FORBIDDEN, "only pages of this demo may use it\n").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = "default-src 'self'; img-src data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, http::HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

fn is_local(headers: &HeaderMap) -> bool {
    let local = |value: &http::HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
        authority.parse::<http::uri::Authority>().is_ok_and(|name| is_loopback_host(name.host()))
    };
    let host = headers.get(header::HOST);
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    // Another server on this machine is another origin too: its pages have no business here.
    let own =
        |origin: &str| origin.split_once("://").map(|(_, name)| name.as_bytes()) == host.map(|host| host.as_bytes());
    host.is_some_and(local) && origin.is_none_or(own)
}

async fn page(State(shared): State<Shared>) -> Html<String> {
    let parts = shared.live.parts();
    let part = |name: &str| parts.iter().find(|update| update.part == name).map_or("", |update| update.html.as_str());
    Html(view::page(part("status"), part("table"), part("lines"), &shared.api))
}

/// Server-sent events: every part once, then what changes.
async fn watch(State(shared): State<Shared>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let updates = shared.live.updates();
    let first = iter(shared.live.parts());
    let later = unfold((updates, shared.live), |(mut updates, live)| async move {
        match updates.recv().await {
            Ok(update) => Some((vec![update], (updates, live))),
            // Too slow: what was missed is in the whole parts.
            Err(RecvError::Lagged(_)) => Some((live.parts(), (updates, live))),
            Err(RecvError::Closed) => None,
        }
    });
    let all = first.chain(later.flat_map(iter));
    let event = |Update { part, html }| Ok(Event::default().event(part).data(html));
    Sse::new(all.map(event)).keep_alive(KeepAlive::default())
}

#[derive(Deserialize)]
struct Wanted {
    action: String,
    #[serde(default)]
    row: String,
    #[serde(default)]
    title: String,
}

async fn act(State(shared): State<Shared>, headers: HeaderMap, Form(wanted): Form<Wanted>) -> response::Response {
    shared.actions.start(&wanted.action, &wanted.row, &wanted.title);
    // The script stays on the page, a plain form comes back to it.
    if headers.contains_key("x-stay") {
        StatusCode::ACCEPTED.into_response()
    } else {
        Redirect::to("/").into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_and_names_are_refused() {
        for (host, origin, expected) in [
            ("127.0.0.1:8765", None, true),
            ("localhost:8765", Some("http://localhost:8765"), true),
            ("[::1]:8765", None, true),
            ("evil.example:8765", None, false),
            ("127.0.0.1:8765", Some("https://evil.example"), false),
            ("127.0.0.1:8765", Some("http://127.0.0.1:9999"), false),
            ("127.0.0.1:8765", Some("null"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap_or_else(|_| http::HeaderValue::from_static("")));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, http::HeaderValue::from_static(origin));
            }
            assert_eq!(is_local(&headers), expected, "{host} {origin:?}");
        }
    }
}
