//! Path and query of a request, checked before a handler sees them. Unknown query parameters are refused: a
//! misspelt `scope` must not turn into an edit of the whole series.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::limits;
use super::problem::{Code, Problem};
use crate::config::is_id;

/// An id in a path.
pub(super) struct Id(pub(super) String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_id(&text) { Ok(Self(text)) } else { Err(D::Error::custom("not an id")) }
    }
}

/// A uid in a path, percent-decoded.
pub(super) struct Uid(pub(super) String);

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fits = (1..=limits::UID_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(D::Error::custom("not a uid")) }
    }
}

/// The variable parts of a path.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::<T>::from_request_parts(parts, state).await.map(|Path(named)| Self(named)).map_err(|_| {
            let detail = "ids have 1 to 200 characters of A-Z a-z 0-9 . _ -, uids 1 to 1,000 without control \
                          characters, percent-encoded as UTF-8";
            Problem::new(Code::InvalidPath, detail)
        })
    }
}

/// The query of a request.
pub(super) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(pairs)| Self(pairs))
            .map_err(|_| Problem::new(Code::InvalidParameter, "the query is not percent-encoded UTF-8"))
    }
}

/// A parameter that is not valid.
pub(super) fn invalid(name: &str, fix: &str) -> Problem {
    Problem::new(Code::InvalidParameter, format!("{name}: {fix}"))
}

impl Params {
    /// Refuse everything but these names, and each of them twice.
    pub(super) fn only(self, names: &[&str]) -> Result<Self, Problem> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !names.contains(&name.as_str()) {
                let known = if names.is_empty() { "no parameters".to_string() } else { names.join(", ") };
                return Err(Problem::new(Code::InvalidParameter, format!("this path knows {known}")));
            }
            if self.0.iter().skip(index + 1).any(|(other, _)| other == name) {
                return Err(invalid(name, "give it once"));
            }
        }
        Ok(self)
    }

    /// A parameter as text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, name: &str, default: u32, least: u32, most: u32) -> Result<u32, Problem> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| invalid(name, &format!("write a whole number, {least} to {most}")))
    }

    /// Rows in a page.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        self.number("limit", limits::PAGE, 1, limits::PAGE_MOST)
    }

    /// `true` or `false`; absent is `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(invalid(name, "write true or false")),
        }
    }

    /// A time: RFC 3339, or milliseconds since the Unix epoch.
    pub(super) fn time_ms(&self, name: &str) -> Result<u64, Problem> {
        self.text(name)
            .and_then(time_ms)
            .ok_or_else(|| invalid(name, "write a time since 1970 in RFC 3339 (2026-03-02T09:00:00Z) or milliseconds"))
    }
}

fn time_ms(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    // In a query a plus that is not encoded arrives as a space, and offsets have one.
    let time = chrono::DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok()?;
    u64::try_from(time.timestamp_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::time_ms;

    #[test]
    fn times_are_rfc_3339_or_milliseconds() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1772442000000", Some(1_772_442_000_000)),
            ("2026-03-02T09:00:00Z", Some(1_772_442_000_000)),
            ("2026-03-02T10:00:00+01:00", Some(1_772_442_000_000)),
            ("2026-03-02T10:00:00 01:00", Some(1_772_442_000_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-03-02T09:00:00", None),
            ("99999999999999999999", None),
            ("-5", None),
            ("", None),
        ] {
            assert_eq!(time_ms(text), expected, "{text}");
        }
    }
}
