//! The gate between `wasi:http` and the network: what every request of a guest passes.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::passes::Passes;
use super::{Egress, EgressError, Lane};

/// Largest request body of a guest, in bytes: an event, or a batch of them, with room to spare.
const MAX_REQUEST_BODY: usize = 8 << 20;

type Processing = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Processing), Error>;

/// The gate of one call.
pub(crate) struct Guard {
    egress: Arc<Egress>,
    /// Lane of requests without an authorisation.
    open_lane: Lane,
    /// What the call was given.
    pub(crate) passes: Passes,
}

impl Guard {
    /// A gate for a call of a tenant (empty for none).
    pub(crate) fn new(egress: Arc<Egress>, tenant: Arc<str>) -> Self {
        Self { egress, open_lane: Lane { tenant, connection: "".into() }, passes: Passes::default() }
    }

    /// Check a request and put the real token in place of the placeholder.
    fn admit(&self, request: &mut Request<WasiBody>) -> Option<Lane> {
        if !self.egress.allow.admits(request.uri()) {
            return None;
        }
        let mut given = request.headers().get_all(header::AUTHORIZATION).iter();
        let (first, more) = (given.next().cloned(), given.next().is_some());
        match first {
            None => Some(self.open_lane.clone()),
            Some(_) if more => None,
            Some(placeholder) => {
                let (real, lane) = self.passes.redeem(&placeholder, request.uri())?;
                request.headers_mut().insert(header::AUTHORIZATION, real);
                Some(lane)
            }
        }
    }
}

impl WasiHttpHooks for Guard {
    // Time-outs are the host's: what the guest asks for in `_options` could only be longer.
    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Processing,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let Some(lane) = self.admit(&mut request) else { return Box::new(async { Err(Error::HttpRequestDenied) }) };
        let egress = Arc::clone(&self.egress);
        Box::new(async move {
            let (head, body) = request.into_parts();
            let request = Request::from_parts(head, collect(body).await?);
            let response = egress.send_in(lane, request).await.map_err(to_wire)?;
            let response = response.map(|body| Full::new(body).map_err(Error::from).boxed_unsync());
            Ok((response, Box::new(async { Ok(()) }) as Processing))
        })
    }
}

async fn collect(body: WasiBody) -> Result<Bytes, Error> {
    match Limited::new(body, MAX_REQUEST_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Error::HttpRequestBodySize(u64::try_from(MAX_REQUEST_BODY).ok()))
        }
        Err(_) => Err(Error::InternalError(None)),
    }
}

fn to_wire(error: EgressError) -> Error {
    match error {
        EgressError::Denied => Error::HttpRequestDenied,
        EgressError::TooLarge => Error::HttpResponseBodySize(None),
        EgressError::Timeout => Error::ConnectionTimeout,
        EgressError::Unreachable => Error::ConnectionRefused,
        EgressError::Broken => Error::ConnectionTerminated,
    }
}
