//! Outgoing requests: allow-list, time-outs, size caps, concurrency, one pooled client.
//!
//! Nothing leaves but to an authority of the list, whoever asks: the guest (through `guard`) or the host itself
//! (tokens). Redirects are never followed: the next request would go where nobody allowed it.

mod allow;
pub(crate) mod guard;
mod lanes;
pub(crate) mod passes;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use allow::AllowList;
pub(crate) use lanes::Lane;
use lanes::Lanes;

/// How long a TCP and TLS connection may take to set up; the bound on the exchange includes it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept: shorter than the providers keep it, so that few requests meet a closed one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Headers that speak of one connection, not of the message (RFC 9110, 7.6.1); never passed on.
const HOP_HEADERS: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What outgoing requests may do.
#[derive(Debug, Clone)]
pub struct EgressOptions {
    /// `host` or `host:port` that may be reached over HTTPS.
    pub allow: Vec<String>,
    /// `host:port` that may also be reached over plain HTTP (simulators on loopback).
    pub allow_plain: Vec<String>,
    /// Bound on one exchange, in milliseconds.
    pub timeout_ms: u64,
    /// Bound on a response body, in bytes.
    pub max_body: usize,
    /// Requests at the same time on one connection (account).
    pub per_connection: usize,
}

/// Why there is no response. Says nothing of the request, which may hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The address, the method or the authorisation is not allowed. Nothing was sent.
    #[error("the request is not allowed")]
    Denied,
    /// The body of the response is larger than allowed.
    #[error("the response is too large")]
    TooLarge,
    /// The exchange took too long; the request may have been applied.
    #[error("the request timed out")]
    Timeout,
    /// No connection could be made. Nothing was sent.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The connection broke; the request may have been applied.
    #[error("the connection broke before the response was complete")]
    Broken,
}

/// The way out.
pub struct Egress {
    allow: AllowList,
    timeout: Duration,
    max_body: usize,
    lanes: Lanes,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Egress {
    /// A pooled client with these bounds.
    #[must_use]
    pub fn new(options: EgressOptions) -> Self {
        let mut tcp = HttpConnector::new();
        // The scheme is checked against the allow-list, not here.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Self {
            allow: AllowList::new(&options.allow, &options.allow_plain),
            timeout: Duration::from_millis(options.timeout_ms),
            max_body: options.max_body,
            lanes: Lanes::new(options.per_connection),
            client,
        }
    }

    /// Send a request of the host itself, such as one for a token.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, EgressError> {
        if !self.allow.admits(request.uri()) {
            return Err(EgressError::Denied);
        }
        self.in_time(self.exchange(request)).await
    }

    /// Send an admitted request of a guest in its lane. Waiting for a free place counts as time of the exchange.
    pub(crate) async fn send_in(&self, lane: Lane, request: Request<Bytes>) -> Result<Response<Bytes>, EgressError> {
        if !self.allow.admits(request.uri()) {
            return Err(EgressError::Denied);
        }
        let lane = self.lanes.of(lane);
        self.in_time(async {
            let _place = lane.acquire().await.map_err(|_| EgressError::Broken)?;
            self.exchange(request).await
        })
        .await
    }

    async fn in_time<T>(&self, exchange: impl Future<Output = Result<T, EgressError>>) -> Result<T, EgressError> {
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(EgressError::Timeout))
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, EgressError> {
        // CONNECT would open a tunnel, TRACE would send the real token back.
        if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
            return Err(EgressError::Denied);
        }
        strip(request.headers_mut());
        // The client writes both from what it really sends.
        request.headers_mut().remove(header::HOST);
        request.headers_mut().remove(header::CONTENT_LENGTH);
        let sent = self.client.request(request.map(Full::new)).await;
        let response =
            sent.map_err(|error| if error.is_connect() { EgressError::Unreachable } else { EgressError::Broken })?;
        let (mut head, body) = response.into_parts();
        strip(&mut head.headers);
        Ok(Response::from_parts(head, self.collect(body).await?))
    }

    /// The whole body in one piece, so that the guest reads it in one call.
    async fn collect<B>(&self, mut body: B) -> Result<Bytes, EgressError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > self.max_body {
            return Err(EgressError::TooLarge);
        }
        let mut whole = BytesMut::with_capacity(announced);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| EgressError::Broken)?.into_data() else { continue };
            if whole.len() + data.len() > self.max_body {
                return Err(EgressError::TooLarge);
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Egress").field("timeout", &self.timeout).field("max_body", &self.max_body).finish()
    }
}

/// Remove what belongs to one connection, also what `Connection` itself names.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_HEADERS) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn headers_of_the_connection_are_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("etag", "kept"),
            ("retry-after", "3"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        strip(&mut headers);
        let left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["etag", "retry-after"]);
    }

    #[tokio::test]
    async fn methods_that_open_tunnels_or_echo_are_denied() {
        let egress = Egress::new(EgressOptions {
            allow: vec![],
            allow_plain: vec!["127.0.0.1:1".into()],
            timeout_ms: 5_000,
            max_body: 1,
            per_connection: 1,
        });
        for (method, expected) in [
            (Method::CONNECT, EgressError::Denied),
            (Method::TRACE, EgressError::Denied),
            // Admitted, so it meets the closed port.
            (Method::GET, EgressError::Unreachable),
        ] {
            let request = Request::builder().method(method.clone()).uri("http://127.0.0.1:1/").body(Bytes::new());
            assert_eq!(egress.send(request.unwrap()).await.unwrap_err(), expected, "{method}");
        }
    }
}
