//! A provider on a real loopback socket, with its pushes really sent.
//! Invariant: the server adds nothing to the provider's rules; a lost answer closes the connection without a byte.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::http::{Answer, Notification, Provider, Served, SimRequest, SimResponse};

/// Bytes of a request body that are read; more ends the connection.
const MAX_BODY_BYTES: usize = 4 << 20;
/// How often due pushes are looked for.
const PUSH_POLL_MS: u64 = 5;
/// How long a webhook may take to answer a handshake.
const HANDSHAKE_TIMEOUT_MS: u64 = 10_000;

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Serves `provider` on 127.0.0.1 and sends its pushes. Port 0 takes a free one.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start(provider: Arc<dyn Provider>, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let tasks = vec![tokio::spawn(accept(listener, Arc::clone(&provider))), tokio::spawn(push(provider))];
        Ok(Self { address, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, provider: Arc<dyn Provider>) {
    // The set owns the connections, so they end with the server.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let provider = Arc::clone(&provider);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&provider), request));
                    // An error here is a client that went away or a lost answer; both are wanted.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn answer(
    provider: Arc<dyn Provider>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, io::Error> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let request = SimRequest {
        method: parts.method.as_str().to_owned(),
        url: parts.uri.to_string(),
        headers,
        body: body.to_vec(),
    };
    match served(provider.as_ref(), request).await {
        SimResponse::NoAnswer => Err(io::Error::other("the answer is lost")),
        SimResponse::Answer(answer) => {
            let mut builder = http::Response::builder().status(answer.status);
            for (name, value) in &answer.headers {
                builder = builder.header(name, value);
            }
            builder.body(Full::new(Bytes::from(answer.body))).map_err(io::Error::other)
        }
    }
}

/// Serves a request, with the calls that the provider makes before it answers.
async fn served(provider: &dyn Provider, request: SimRequest) -> SimResponse {
    if let Some(refusal) = provider.arrived(&request) {
        return refusal;
    }
    let _slot = Slot(provider, &request);
    if provider.latency_ms() > 0 {
        tokio::time::sleep(Duration::from_millis(provider.latency_ms())).await;
    }
    let mut outcome = provider.serve(request.clone());
    loop {
        match outcome {
            Served::Done(response) => return response,
            Served::Ask(question) => {
                let answer = ask(&question.call).await;
                outcome = provider.resume(*question, answer);
            }
        }
    }
}

/// A request under way; it leaves also when its connection goes away.
struct Slot<'a>(&'a dyn Provider, &'a SimRequest);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.left(self.1);
    }
}

/// Makes a call for a provider; none when there was no answer in time.
async fn ask(call: &SimRequest) -> Option<Answer> {
    let mut builder = http::Request::builder().method(call.method.as_str()).uri(&call.url);
    for (name, value) in &call.headers {
        builder = builder.header(name, value);
    }
    let request = builder.body(Full::new(Bytes::from(call.body.clone()))).ok()?;
    let whole = async {
        let response = client().request(request).await.ok()?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await.ok()?.to_bytes();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        Some(Answer { status: parts.status.as_u16(), headers, body: body.to_vec() })
    };
    tokio::time::timeout(Duration::from_millis(HANDSHAKE_TIMEOUT_MS), whole).await.ok()?
}

type PushClient = hyper_util::client::legacy::Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>;

fn client() -> PushClient {
    hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .http1_title_case_headers(true)
        .build_http()
}

async fn push(provider: Arc<dyn Provider>) {
    let client = client();
    let mut sending = JoinSet::new();
    loop {
        for notification in provider.take_notifications(provider.now_ms()) {
            let client = client.clone();
            let provider = Arc::clone(&provider);
            sending.spawn(async move {
                let status = send(&client, &notification, provider.push_timeout_ms()).await;
                provider.notification_answered(notification, status);
            });
        }
        while sending.try_join_next().is_some() {}
        tokio::time::sleep(Duration::from_millis(PUSH_POLL_MS)).await;
    }
}

/// Posts one push; none when there was no answer (also for https, which is not spoken here).
async fn send(client: &PushClient, notification: &Notification, timeout_ms: u64) -> Option<u16> {
    let mut builder = http::Request::post(&notification.address);
    for (name, value) in &notification.headers {
        builder = builder.header(name, value);
    }
    let request = builder.body(Full::new(Bytes::from(notification.body.clone()))).ok()?;
    let answered = tokio::time::timeout(Duration::from_millis(timeout_ms), client.request(request)).await;
    answered.ok()?.ok().map(|response| response.status().as_u16())
}
