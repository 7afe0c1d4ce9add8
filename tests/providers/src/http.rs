//! HTTP as plain values, so that a provider can be called in process, without sockets or async.
//! Invariant: nothing here knows a provider.

use std::fmt::Write as _;

use serde_json::Value;

use crate::faults::FaultKind;

/// A request as the caller made it.
#[derive(Clone, Debug, Default)]
pub struct SimRequest {
    /// Upper-case method.
    pub method: String,
    /// A whole URL or only path and query; the host is not looked at.
    pub url: String,
    /// Header names in any case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes, empty for none.
    pub body: Vec<u8>,
}

impl SimRequest {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        Self { method: method.to_owned(), url: url.to_owned(), ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.with_header("content-type", "application/json")
    }

    /// Sets a form body; the values are encoded here.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let parts: Vec<String> = fields.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        self.body = parts.join("&").into_bytes();
        self.with_header("content-type", "application/x-www-form-urlencoded")
    }

    /// The first header of that name, any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// The path, still percent-encoded, without scheme, host and query.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = match self.url.split_once("://") {
            Some((_, after)) => after.find('/').and_then(|at| after.get(at..)).unwrap_or("/"),
            None => self.url.as_str(),
        };
        rest.split(['?', '#']).next().unwrap_or(rest)
    }

    /// The query's pairs, decoded, in order.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        self.url.split_once('?').map(|(_, query)| pairs(query)).unwrap_or_default()
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimResponse {
    /// An HTTP answer.
    Answer(Answer),
    /// The connection ended without an answer; the request may or may not have been applied.
    NoAnswer,
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The same with the first half of the body only.
    pub(crate) fn truncated(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    /// The first header of that name, any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }
}

impl SimResponse {
    /// The status; none when there was no answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status)
    }

    /// The answer, if there was one.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::NoAnswer => None,
        }
    }

    /// The body as JSON; `null` when there is none or it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        self.answer().and_then(|answer| serde_json::from_slice(&answer.body).ok()).unwrap_or(Value::Null)
    }

    /// The first header of that name, any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer().and_then(|answer| find_header(&answer.headers, name))
    }
}

/// A push on its way to a webhook: a POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Counts all pushes of this provider; a doubled push has the same headers and another number.
    pub number: u64,
    /// The webhook's URL.
    pub address: String,
    /// Headers to send.
    pub headers: Vec<(String, String)>,
    /// The body's bytes, empty for none.
    pub body: Vec<u8>,
    /// 0 for the first try.
    pub attempt: u32,
}

impl Notification {
    /// The first header of that name, any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }
}

/// A call that a provider makes before it answers: the caller carries it out and hands the answer back.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is to be sent, to a whole URL.
    pub call: SimRequest,
    /// The request that waits for it.
    pub(crate) request: SimRequest,
    /// The fault that hit the waiting request.
    pub(crate) fault: Option<FaultKind>,
    /// How the questions before this one were answered.
    pub(crate) proofs: Vec<bool>,
}

/// How far a request came.
#[derive(Clone, Debug)]
pub enum Served {
    /// It is answered.
    Done(SimResponse),
    /// A question comes first; its answer goes to [`Provider::resume`].
    Ask(Box<Question>),
}

/// A simulated provider, as the server and the pusher see it.
pub trait Provider: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: SimRequest) -> SimResponse;
    /// Answers one request, or asks first; for providers that call back before they answer.
    fn serve(&self, request: SimRequest) -> Served {
        Served::Done(self.handle(request))
    }
    /// Goes on with a request after its question was answered (none: no connection or no answer).
    fn resume(&self, question: Question, answer: Option<Answer>) -> Served {
        let _ = answer;
        Served::Done(self.handle(question.request))
    }
    /// Tells that a request is under way; a refusal if too many are. What is let in ends with [`Provider::left`].
    fn arrived(&self, request: &SimRequest) -> Option<SimResponse> {
        let _ = request;
        None
    }
    /// Tells that a request that was let in has been answered.
    fn left(&self, request: &SimRequest) {
        let _ = request;
    }
    /// How long the server holds a request before it is served, in milliseconds.
    fn latency_ms(&self) -> u64 {
        0
    }
    /// How long a webhook may take to answer, in milliseconds.
    fn push_timeout_ms(&self) -> u64 {
        10_000
    }
    /// Takes the pushes due at `now_ms`, in the order of sending.
    fn take_notifications(&self, now_ms: i64) -> Vec<Notification>;
    /// Tells how a push was answered (none: no connection or no answer), so that it can be tried again.
    fn notification_answered(&self, notification: Notification, status: Option<u16>);
    /// The provider's own time, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
}

fn find_header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The pairs of a query or form text, decoded.
#[must_use]
pub fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// Percent-decodes; a broken escape stays as it is.
#[must_use]
pub fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let pair = if byte == b'%' { hex_pair(bytes.clone()) } else { None };
        match pair {
            Some(value) => {
                out.push(value);
                bytes.next();
                bytes.next();
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_pair(mut ahead: std::str::Bytes<'_>) -> Option<u8> {
    let high = char::from(ahead.next()?).to_digit(16)?;
    let low = char::from(ahead.next()?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

/// Percent-encodes everything but the unreserved characters.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            // Writing to a text cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}
