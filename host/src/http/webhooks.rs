//! Notifications of providers: handed to the component as they are, answered as it says. Nothing is synced here.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::body;
use super::problem::{Answer, Code, Problem};
use super::state::Api;
use crate::bindings::exports::tandem::calendar::webhooks as wit;
use crate::store::Provider;

/// `GET` and `POST` of `/webhooks/{provider}`.
pub(super) async fn receive(State(api): State<Api>, Path(provider): Path<String>, request: Request) -> Answer {
    let provider = match provider.as_str() {
        "google" => Provider::Google,
        "microsoft" => Provider::Microsoft,
        _ => return Err(Problem::new(Code::NotFound, "providers are google and microsoft")),
    };
    let (parts, content) = request.into_parts();
    let body = body::read(content).await?;
    let call = wit::Request {
        provider,
        method: parts.method.as_str().to_string(),
        query: parts.uri.query().unwrap_or_default().to_string(),
        headers: from_wire(&parts.headers),
        body: body.into(),
    };
    match api.calls.receive(call).await {
        Ok(answer) => {
            api.counters.webhook(&answer.verdict);
            Ok(to_wire(answer))
        }
        Err(trap) => {
            api.counters.webhook("trap");
            tracing::error!(trap = %trap.0, "the component stopped at a webhook");
            // A provider repeats a notification that was answered so.
            Err(Problem::new(Code::Unavailable, "send the notification again"))
        }
    }
}

/// Headers for the component, without those that could hold somebody's secret.
fn from_wire(headers: &HeaderMap) -> Vec<(String, String)> {
    let private = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];
    headers
        .iter()
        .filter(|(name, _)| !private.contains(name))
        .filter_map(|(name, value)| Some((name.as_str().to_string(), value.to_str().ok()?.to_string())))
        .collect()
}

fn to_wire(answer: wit::Response) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    match HeaderValue::from_str(&answer.content_type) {
        Ok(kind) if !answer.content_type.is_empty() => response.headers_mut().insert(header::CONTENT_TYPE, kind),
        _ => response.headers_mut().remove(header::CONTENT_TYPE),
    };
    // The text of a handshake comes from the caller: a browser must not guess that it is a page.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
