//! What the component asks of WASI: the time, random numbers and requests, all of them the world's.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Method as WireMethod, Request as WireRequest, Response as WireResponse};
use http_body_util::{BodyExt, Full};
use rand::TryRng;
use tandem_engine::effects::{Effects, Method, Request, Response, TransportError};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::sandbox::Shared;

/// Clocks and random numbers of an instance. No files, variables, arguments or sockets.
pub(super) fn wasi(world: &Shared) -> WasiCtx {
    WasiCtx::builder()
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .wall_clock(Clock(world.clone()))
        .monotonic_clock(Clock(world.clone()))
        .secure_random(Dice(world.clone()))
        // Nothing that the engine does may depend on these.
        .insecure_random(Dice(world.clone()))
        .insecure_random_seed(0)
        .build()
}

/// The world's clock.
struct Clock(Shared);

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.lock().now_ms())
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0.lock().now_ms().saturating_mul(1_000_000)
    }
}

/// The world's random numbers, in the order in which they are asked for.
struct Dice(Shared);

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::try_from(self.try_next_u64()? >> 32).unwrap_or(0))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.lock().random())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for eight in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            eight.copy_from_slice(&number[..eight.len()]);
        }
        Ok(())
    }
}

/// The way out of an instance: to the world.
pub(super) struct Gate(pub(super) Shared);

type Processing = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answered = Result<(WireResponse<WasiBody>, Processing), Error>;

impl WasiHttpHooks for Gate {
    fn send_request(
        &mut self,
        request: WireRequest<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Processing,
    ) -> Box<dyn Future<Output = Answered> + Send> {
        let world = self.0.clone();
        Box::new(async move {
            let request = read(request).await?;
            let answer = world.lock().exchange(request).map_err(to_wire)?;
            Ok((answered(answer), Box::new(async { Ok(()) }) as Processing))
        })
    }
}

/// The whole request: the guest writes its body after it has begun to send.
async fn read(request: WireRequest<WasiBody>) -> Result<Request, Error> {
    let (head, body) = request.into_parts();
    let method = match head.method {
        WireMethod::GET => Method::Get,
        WireMethod::POST => Method::Post,
        WireMethod::PUT => Method::Put,
        WireMethod::PATCH => Method::Patch,
        WireMethod::DELETE => Method::Delete,
        _ => return Err(Error::HttpRequestDenied),
    };
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let headers = headers.collect();
    let body = body.collect().await?.to_bytes().to_vec();
    Ok(Request { method, url: head.uri.to_string(), headers, body })
}

fn answered(answer: Response) -> WireResponse<WasiBody> {
    let mut response = WireResponse::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(answer.body)).map_err(Error::from).boxed_unsync();
    response.body(body).unwrap_or_else(|error| panic!("the simulator's answer is no HTTP: {error}"))
}

/// What the guest understands as the same error again.
fn to_wire(error: TransportError) -> Error {
    match error {
        TransportError::NoAnswer => Error::ConnectionTerminated,
        TransportError::Denied => Error::HttpRequestDenied,
        TransportError::TooLarge => Error::HttpResponseBodySize(None),
    }
}
