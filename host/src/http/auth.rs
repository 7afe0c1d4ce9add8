//! Who may use the API: the bearer of the token, compared in constant time; without a token only programs on this
//! machine, and no web page that a browser on this machine happens to show.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest as _, Sha256};

use super::problem::{Code, Problem};
use crate::config::{Secret, is_loopback_host};

/// The rule in force.
pub(super) struct Guard {
    /// Hash of the token. Comparing hashes tells nothing about the length or the start of the token.
    token: Option<[u8; 32]>,
}

impl Guard {
    pub(super) fn new(token: Option<&Secret>) -> Self {
        Self { token: token.map(|token| Sha256::digest(token.reveal()).into()) }
    }

    fn admit(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Result<(), Problem> {
        match &self.token {
            Some(expected) => bearer(headers)
                .filter(|given| equal(&Sha256::digest(given).into(), expected))
                .map(|_| ())
                .ok_or_else(|| Problem::new(Code::Unauthorized, "send Authorization: Bearer with the API token")),
            None if is_local(headers, peer) => Ok(()),
            None => Err(Problem::new(Code::LocalOnly, "set server.api_token and send it as a bearer token")),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    // The whole of both is always looked at.
    std::hint::black_box(a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y))) == 0
}

/// A program on this machine that speaks to this machine by name. A page of another site fails by its `Origin`, a
/// name that was made to point here fails by `Host`, and a proxy gives itself away by the headers it adds.
fn is_local(headers: &HeaderMap, peer: Option<SocketAddr>) -> bool {
    let here = peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let local_name = |value: &str| {
        let authority = value.split_once("://").map_or(value, |(_, rest)| rest);
        authority.parse::<axum::http::uri::Authority>().is_ok_and(|authority| is_loopback_host(authority.host()))
    };
    let all_local =
        |name: header::HeaderName| headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(local_name));
    let proxied = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    here && all_local(header::HOST)
        && all_local(header::ORIGIN)
        && !proxied.iter().any(|name| headers.contains_key(*name))
}

/// The layer around every path of the API.
pub(super) async fn require(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    guard.admit(request.headers(), peer)?;
    Ok(next.run(request).await)
}
