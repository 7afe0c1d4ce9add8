//! $batch: several requests in one.
//! Invariant: a request runs after those it depends on; one of those failed means 424 and it is not run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::error::ApiError;
use super::route::BASE;
use super::state::{State, text};
use crate::http::{SimRequest, SimResponse};

const MAX_REQUESTS: usize = 20;

/// POST /$batch.
pub(crate) fn serve(state: &mut State, request: &SimRequest) -> Result<String, ApiError> {
    let body = super::route::read_body(request)?;
    let list = body.get("requests").and_then(Value::as_array);
    let list = list.ok_or_else(|| ApiError::bad_request("Invalid batch payload format."))?;
    if list.len() > MAX_REQUESTS {
        return Err(ApiError::bad_request("The number of requests in the batch is more than 20."));
    }
    let mut seen = BTreeSet::new();
    for inner in list {
        let id = inner.get("id").and_then(Value::as_str).unwrap_or_default();
        if id.is_empty() || !seen.insert(id) {
            return Err(ApiError::bad_request("Each request of a batch needs an id of its own."));
        }
    }
    let mut done: BTreeMap<String, u16> = BTreeMap::new();
    let mut answers = Vec::new();
    for inner in list {
        let id = inner.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let needs = inner.get("dependsOn").and_then(Value::as_array);
        let mut needs = needs.into_iter().flatten().filter_map(Value::as_str);
        let met = needs.all(|need| done.get(need).is_some_and(|status| *status < 400));
        let (status, answer) = if met { one(state, request, inner) } else { (424, failed_dependency(&id).to_string()) };
        done.insert(id, status);
        answers.push(answer);
    }
    // Answers come in any order.
    answers.reverse();
    Ok(format!("{{\"responses\":[{}]}}", answers.join(",")))
}

fn failed_dependency(id: &str) -> Value {
    let error = json!({ "error": { "code": "FailedDependency", "message": "A request this one depends on failed." } });
    json!({ "id": id, "status": 424, "headers": { "Content-Type": "application/json" }, "body": error })
}

fn one(state: &mut State, outer: &SimRequest, inner: &Value) -> (u16, String) {
    let empty = super::state::Object::new();
    let object = inner.as_object().unwrap_or(&empty);
    let origin = outer.url.split_once(BASE).map_or("", |(origin, _)| origin);
    let url = text(object, "url").trim_start_matches('/');
    let mut request = SimRequest::new(&text(object, "method").to_ascii_uppercase(), &format!("{origin}{BASE}{url}"));
    for (name, value) in object.get("headers").and_then(Value::as_object).into_iter().flatten() {
        request = request.with_header(name, value.as_str().unwrap_or_default());
    }
    for name in ["authorization", "host"] {
        if let Some(value) = outer.header(name) {
            request = request.with_header(name, value);
        }
    }
    if let Some(body) = object.get("body").filter(|body| !body.is_null()) {
        request.body = body.to_string().into_bytes();
    }
    let response = if url.starts_with("$batch") { None } else { super::perform(state, &request).ok() };
    let (status, headers, body) = match response {
        // What the service wrote is put in as it is.
        Some((SimResponse::Answer(answer), None)) if !answer.body.is_empty() => {
            (answer.status, answer.headers, String::from_utf8_lossy(&answer.body).into_owned())
        }
        Some((SimResponse::Answer(answer), _)) => {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
            (answer.status, answer.headers, body.to_string())
        }
        // A connection cannot be lost inside a batch.
        Some((SimResponse::NoAnswer, _)) => {
            (504, Vec::new(), json!({ "error": { "code": "UnknownError", "message": "" } }).to_string())
        }
        None => {
            let error = json!({ "error": { "code": "notImplemented", "message": "Not inside a batch." } });
            (501, Vec::new(), error.to_string())
        }
    };
    let named = |name: &str| match name {
        "content-type" => "Content-Type".to_owned(),
        "retry-after" => "Retry-After".to_owned(),
        other => other.to_owned(),
    };
    let headers: super::state::Object = headers.iter().map(|(k, v)| (named(k), json!(v))).collect();
    let (headers, id) = (Value::Object(headers), json!(text(object, "id")));
    (status, format!("{{\"body\":{body},\"headers\":{headers},\"id\":{id},\"status\":{status}}}"))
}
