//! One HTTP exchange over `wasi:http/outgoing-handler`: the request goes out, the whole response comes back.
//!
//! Nothing is retried or decided here, and nothing panics: whatever goes wrong becomes one of the three
//! [`TransportError`]s.

use tandem_engine::effects::{Method, Request, Response, TransportError};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method as WireMethod, OutgoingBody,
    OutgoingRequest, Scheme,
};
use wasip2::io::streams::{OutputStream, StreamError};

/// Bytes asked for in one read. The host hands a response over in as few pieces as this allows.
const READ_BYTES: u64 = 64 << 20;

/// Send a request and read the whole response.
pub fn exchange(request: Request) -> Result<Response, TransportError> {
    read(wait(&send(request)?)?)
}

fn send(request: Request) -> Result<FutureIncomingResponse, TransportError> {
    let (scheme, authority, path) = split(&request.url).ok_or(TransportError::Denied)?;
    let headers: Vec<(String, Vec<u8>)> = request.headers.into_iter().map(|(n, v)| (n, v.into_bytes())).collect();
    let headers = Fields::from_list(&headers).map_err(|_| TransportError::Denied)?;
    let outgoing = OutgoingRequest::new(headers);
    let named = outgoing
        .set_method(&to_wire(request.method))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(path)));
    named.map_err(|()| TransportError::Denied)?;
    if request.body.is_empty() {
        return outgoing_handler::handle(outgoing, None).map_err(|code| from_wire(&code));
    }
    // The body is written after the request is on its way: the host reads while the guest writes.
    let body = outgoing.body().map_err(|()| TransportError::NoAnswer)?;
    let pending = outgoing_handler::handle(outgoing, None).map_err(|code| from_wire(&code))?;
    if let Ok(stream) = body.write() {
        // A refused request closes its body; the response says why, so the error of the stream is not needed.
        let _ = write(&stream, &request.body);
    }
    let _ = OutgoingBody::finish(body, None);
    Ok(pending)
}

fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    stream.blocking_flush()
}

fn wait(pending: &FutureIncomingResponse) -> Result<IncomingResponse, TransportError> {
    pending.subscribe().block();
    match pending.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(from_wire(&code)),
        Some(Err(())) | None => Err(TransportError::NoAnswer),
    }
}

fn read(incoming: IncomingResponse) -> Result<Response, TransportError> {
    let status = incoming.status();
    let headers = incoming
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let body = incoming.consume().map_err(|()| TransportError::NoAnswer)?;
    Ok(Response { status, headers, body: read_body(&body)? })
}

fn read_body(body: &IncomingBody) -> Result<Vec<u8>, TransportError> {
    let stream = body.stream().map_err(|()| TransportError::NoAnswer)?;
    let mut whole = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            // The usual case: all of it at once, without a copy.
            Ok(piece) if whole.is_empty() => whole = piece,
            Ok(mut piece) => whole.append(&mut piece),
            Err(StreamError::Closed) => return Ok(whole),
            Err(StreamError::LastOperationFailed(_)) => return Err(TransportError::NoAnswer),
        }
    }
}

/// Scheme, authority, and path with query of an absolute URL; a fragment is never sent.
fn split(url: &str) -> Option<(Scheme, &str, &str)> {
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    Some((scheme, authority, if path.is_empty() { "/" } else { path }))
}

fn to_wire(method: Method) -> WireMethod {
    match method {
        Method::Get => WireMethod::Get,
        Method::Post => WireMethod::Post,
        Method::Put => WireMethod::Put,
        Method::Patch => WireMethod::Patch,
        Method::Delete => WireMethod::Delete,
    }
}

fn from_wire(code: &ErrorCode) -> TransportError {
    match code {
        ErrorCode::HttpRequestDenied => TransportError::Denied,
        ErrorCode::HttpResponseBodySize(_) => TransportError::TooLarge,
        _ => TransportError::NoAnswer,
    }
}
