//! Bodies: bounded in size and time, with a known media type, and JSON before a handler sees them.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::limits;
use super::problem::{Code, Problem};

/// Media types of an event.
pub(super) const EVENT: &[&str] = &["application/json", "application/jscalendar+json"];
/// Media types of a patch.
pub(super) const PATCH: &[&str] = &["application/merge-patch+json", "application/json"];
/// Media type of everything else.
pub(super) const JSON: &[&str] = &["application/json"];

/// Read a whole body.
pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(limits::BODY_TIME, Limited::new(body, limits::BODY_BYTES).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Code::TooLarge, format!("send {} bytes at most", limits::BODY_BYTES)))
        }
        // The connection broke: nobody reads this answer.
        Ok(Err(_)) => Err(Problem::new(Code::InvalidJson, "the body ended early")),
        Err(_) => Err(Problem::new(Code::RequestTimeout, "send the body at once")),
    }
}

/// The text of a JSON object, checked but not taken apart: the component does that.
pub(super) async fn object(request: Request, types: &[&str]) -> Result<String, Problem> {
    let text = text(request, types).await?;
    parse::<serde::de::IgnoredAny>(&text)?;
    if !text.trim_start().starts_with('{') {
        return Err(Problem::new(Code::InvalidJson, "send a JSON object"));
    }
    Ok(text)
}

/// A small body as a value.
pub(super) async fn value<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    parse(&text(request, JSON).await?)
}

async fn text(request: Request, types: &[&str]) -> Result<String, Problem> {
    // A type is required: browsers send none, or a form's, when a page of another site posts here unasked.
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !types.iter().any(|known| known.eq_ignore_ascii_case(essence)) {
        return Err(Problem::new(Code::UnsupportedMediaType, format!("send Content-Type: {}", types.join(" or "))));
    }
    let bytes = read(request.into_body()).await?;
    String::from_utf8(bytes.into()).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Problem::new(Code::InvalidJson, format!("byte {at} is not UTF-8"))
    })
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| Problem::new(Code::InvalidJson, without_content(&error)))
}

/// What is wrong and where, without the values and names of the body that the parser's own words would repeat.
fn without_content(error: &serde_json::Error) -> String {
    // The parser's message ends with "at line L column C". Of the body's content it repeats only what is of the wrong
    // type or name; names that are missing are ours.
    let text = error.to_string();
    if !error.is_data() || text.starts_with("missing field") {
        return text;
    }
    let (line, column) = (error.line(), error.column());
    format!("a member has another name or another type than this call knows, at line {line} column {column}")
}
