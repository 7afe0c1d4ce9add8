//! Does what a test tells it. `sync.step` takes a command in place of a replica id and answers with
//! `paused(text)`; `webhooks.receive` takes it in the body.

#[path = "../../../../../guest/component/src/http.rs"]
mod http;

wit_bindgen::generate!({ path: "../../../../wit", world: "tandem" });

use std::sync::atomic::{AtomicU32, Ordering};

use exports::tandem::calendar::{channels, conflicts, editing, recurrence, sync, webhooks};
use tandem::calendar::{configuration, credentials, notifications, storage, zones};
use tandem_engine::effects::{Method, Request};

struct Probe;
export!(Probe);

/// Calls that this instance has served.
static CALLS: AtomicU32 = AtomicU32::new(0);

fn run(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    match words.as_slice() {
        ["spin"] => spin(),
        ["grow"] => grow(),
        ["panic"] => panic!("a title that must not leave the sandbox"),
        ["get", connection, url] => match credentials::authorization(connection) {
            Ok(value) => exchange(Method::Get, url, Some(value), 0),
            Err(error) => format!("{error:?}"),
        },
        ["get-anonymous", url] => exchange(Method::Get, url, None, 0),
        ["get-with", value, url] => exchange(Method::Get, url, Some(format!("Bearer {value}")), 0),
        ["post", url, size] => exchange(Method::Post, url, None, size.parse().unwrap_or(0)),
        ["authorization", connection] => format!("{:?}", credentials::authorization(connection)),
        ["refresh", connection] => format!("{:?}", credentials::refresh(connection)),
        ["lease"] => run("lease lease"),
        ["lease", replica] => match storage::load_replica(replica) {
            Ok(Some(replica)) => replica.lease_epoch.to_string(),
            other => format!("{other:?}"),
        },
        ["accept", tenant] => format!("{:?}", notifications::accept(&[mark(tenant)])),
        ["count"] => (CALLS.fetch_add(1, Ordering::Relaxed) + 1).to_string(),
        ["settings"] => configuration::get().page_size.to_string(),
        ["clock"] => format!("{:?} {:?}", std::time::SystemTime::now(), wasip2::random::random::get_random_bytes(8)),
        ["zone", name] => {
            format!("{:?} {:?}", zones::version(), zones::rules(name).map(|rules| rules.len()))
        }
        ["ambient"] => ambient(),
        _ => "unknown command".to_owned(),
    }
}

fn spin() -> String {
    let mut count = 0_u64;
    loop {
        count = std::hint::black_box(count.wrapping_add(1));
    }
}

fn grow() -> String {
    let mut held = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

/// What a program finds around it: files, variables, arguments, network. All must be empty.
fn ambient() -> String {
    let files = std::fs::read_dir("/").is_ok();
    let network = std::net::TcpStream::connect("127.0.0.1:1").map_err(|error| error.kind());
    format!("{files} {} {} {network:?}", std::env::vars().count(), std::env::args().count())
}

fn mark(tenant: &str) -> notifications::Mark {
    notifications::Mark {
        tenant: tenant.to_owned(),
        replica: "r".to_owned(),
        channel: "c".to_owned(),
        message_number: 1,
    }
}

/// `status header-of-guest length` or the error.
fn exchange(method: Method, url: &str, authorization: Option<String>, size: usize) -> String {
    let shown = authorization.clone().unwrap_or_default();
    let headers = authorization.map(|value| ("authorization".to_owned(), value)).into_iter().collect();
    match http::exchange(Request { method, url: url.to_owned(), headers, body: vec![7; size] }) {
        Ok(response) => format!("{} {} [{shown}]", response.status, response.body.len()),
        Err(error) => format!("{error:?}"),
    }
}

impl webhooks::Guest for Probe {
    fn receive(request: webhooks::Request) -> webhooks::Response {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        let command = String::from_utf8(request.body).unwrap_or_default();
        let body = if command.is_empty() { calls.to_string() } else { run(&command) };
        webhooks::Response {
            status: 200,
            content_type: "text/plain".to_owned(),
            body: body.into_bytes(),
            verdict: "changed".to_owned(),
        }
    }
}

impl sync::Guest for Probe {
    fn step(command: String) -> Result<sync::Report, sync::StepError> {
        let outcome = sync::Outcome::Paused(run(&command));
        Ok(sync::Report { outcome, pulled: 0, applied: 0, pushed: 0, conflicts: 0, failed: 0 })
    }
    fn answer_guard(_: String, _: bool) -> Result<(), sync::StepError> {
        Err(sync::StepError::NotFound)
    }
}

impl editing::Guest for Probe {
    fn apply(_: editing::Edit) -> Result<editing::Applied, editing::EditError> {
        Err(editing::EditError::NotFound)
    }
}

impl recurrence::Guest for Probe {
    fn occurrences(_: recurrence::Window) -> Result<recurrence::OccurrencePage, recurrence::WindowError> {
        Ok(recurrence::OccurrencePage { items: Vec::new(), truncated: false })
    }
    fn explain(_: recurrence::Question) -> Result<recurrence::Explanation, recurrence::ExplainError> {
        Err(recurrence::ExplainError::NotFound)
    }
}

impl conflicts::Guest for Probe {
    fn resolve(_: String, _: conflicts::Choice, _: String) -> Result<(), conflicts::ResolveError> {
        Err(conflicts::ResolveError::NotFound)
    }
}

impl channels::Guest for Probe {
    fn stop(_: String) -> Result<(), sync::StepError> {
        Ok(())
    }
}
