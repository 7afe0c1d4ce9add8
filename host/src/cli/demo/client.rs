//! A small client of Tandem's JSON API, as an application would have one. Nothing in the demo edits the application's
//! side in any other way.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::trouble::{Told, Trouble};

/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// A client of one server.
#[derive(Clone)]
pub(super) struct ApiClient {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

/// An answer.
pub(super) struct Reply {
    /// HTTP status.
    pub(super) status: u16,
    /// The body; null when it is not JSON.
    pub(super) body: Value,
}

impl Reply {
    /// The body of a success.
    pub(super) fn success(self) -> Told<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let code = self.body.get("code").and_then(Value::as_str).unwrap_or("no code");
        Err(Trouble(format!("the API answered {} ({code})", self.status)))
    }
}

impl ApiClient {
    /// A client of the server at that address, for one tenant.
    pub(super) fn new(addr: SocketAddr, tenant: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: format!("http://{addr}/v1/tenants/{tenant}") }
    }

    /// Read a path below the tenant.
    pub(super) async fn get(&self, path: &str) -> Told<Value> {
        self.send("GET", path, None, None).await?.success()
    }

    /// Any request; `revision` goes into `If-Match`.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        revision: Option<u64>,
    ) -> Told<Reply> {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(revision) = revision {
            request = request.header("if-match", format!("\"{revision}\""));
        }
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        if body.is_some() {
            request = request.header("content-type", kind);
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(text))).map_err(|why| Trouble::new("a bad request", why))?;
        let exchange = async {
            let answer =
                self.client.request(request).await.map_err(|why| Trouble::new("the API gave no answer", why))?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.map_err(|why| Trouble::new("the API broke off", why))?;
            Ok(Reply { status, body: serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null) })
        };
        tokio::time::timeout(ANSWER_TIME, exchange)
            .await
            .map_err(|_| Trouble::from("the API did not answer in time"))?
    }
}
