//! How requests are written, whoever they go to.

use serde_json::Value;

use crate::effects::{Method, Request};
use crate::seeded::{Bug, has};

/// Percent-encoding of everything but RFC 3986's unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The value of a query parameter, decoded: `+` is a space. What is no text after that is damaged, and dropped.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

pub(super) fn query(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

pub(super) fn get_request(url: String) -> Request {
    Request { method: Method::Get, url, headers: vec![("accept".into(), "application/json".into())], body: vec![] }
}

pub(super) fn json_request(method: Method, url: String, body: &Value) -> Request {
    let headers =
        vec![("content-type".into(), "application/json".into()), ("accept".into(), "application/json".into())];
    Request { method, url, headers, body: body.to_string().into_bytes() }
}

/// The write happens only to this version; none when it is not known.
pub(super) fn conditional(mut request: Request, etag: &str) -> Request {
    if !etag.is_empty() && !has(Bug::NoIfMatch) {
        request.headers.push(("if-match".into(), etag.to_owned()));
    }
    request
}
