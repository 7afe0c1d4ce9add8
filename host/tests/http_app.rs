//! The whole server in one process, with a component that does what its replica's id says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tandem_host::bindings::exports::tandem::calendar::sync::Outcome;
use tandem_host::cli::app::{Running, StartError, StartOptions, start};
use tandem_host::clock::SystemClock;
use tandem_host::config::{Config, Environment};
use tandem_host::egress::Egress;
use tandem_host::oauth::Credentials;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

mod support;

/// The probe answers the step of the replica `settings` with the page size that it was told.
const SETTINGS: &str = r#"
    [server]
    listen = "127.0.0.1:0"
    [sync]
    page_size = 123
    [[connections]]
    tenant = "acme"
    id = "google"
    access_token = "of-somebody"
    [[calendars]]
    tenant = "acme"
    id = "work"
    time_zone = "Europe/Berlin"
    [[calendars.replicas]]
    id = "settings"
    connection = "google"
    remote_calendar = "primary"
"#;

fn config(directory: &Path, text: &str) -> Config {
    let mut config = Config::parse(text, Path::new("tandem.toml"), &Environment::new()).unwrap();
    config.store.path = directory.join("tandem.db");
    config.sandbox.cache_dir = Some(PathBuf::from(support::SCRATCH).join("cwasm"));
    config
}

fn options() -> StartOptions {
    StartOptions { component: Some(support::PROBE.clone()), ..StartOptions::default() }
}

async fn started(directory: &TempDir) -> Running {
    start(config(directory.path(), SETTINGS), options()).await.unwrap()
}

/// Status and JSON body of a request.
async fn call(running: &Running, method: &str, path: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    let text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The next step's outcome.
async fn outcome(reports: &mut tokio::sync::broadcast::Receiver<tandem_host::scheduler::StepReport>) -> Outcome {
    // A bound for a broken scheduler, not a measure of time.
    let step = tokio::time::timeout(Duration::from_secs(60), reports.recv()).await.unwrap().unwrap();
    assert_eq!((step.tenant.as_str(), step.replica.as_str()), ("acme", "settings"));
    step.report.outcome
}

#[tokio::test]
async fn settings_reach_store_component_and_api() {
    let directory = tempfile::tempdir().unwrap();
    let manual = StartOptions { schedule: false, ..options() };
    let running = start(config(directory.path(), SETTINGS), manual).await.unwrap();
    let mut reports = running.scheduler.reports();
    assert_eq!(call(&running, "GET", "/healthz").await.1["status"], "ok");
    let (status, calendars) = call(&running, "GET", "/v1/tenants/acme/calendars").await;
    assert_eq!((status, &calendars["items"][0]["timeZone"]), (200, &Value::from("Europe/Berlin")));
    let (_, replica) = call(&running, "GET", "/v1/tenants/acme/replicas/settings").await;
    assert_eq!((&replica["remoteCalendar"], &replica["health"]), (&"primary".into(), &"starting".into()));
    running.scheduler.run_due_once().await.unwrap();
    assert_eq!(outcome(&mut reports).await, Outcome::Paused("123".into()));
    running.shutdown().await;
}

#[tokio::test]
async fn due_replicas_run_by_themselves_and_on_demand() {
    let directory = tempfile::tempdir().unwrap();
    let running = started(&directory).await;
    let mut reports = running.scheduler.reports();
    // The first step may have run before the subscription: a second one is asked for.
    assert_eq!(call(&running, "POST", "/v1/tenants/acme/replicas/settings/sync").await.0, 202);
    assert_eq!(outcome(&mut reports).await, Outcome::Paused("123".into()));
    running.shutdown().await;
}

#[tokio::test]
async fn restart_keeps_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let running = started(&directory).await;
    let connection = running.store.connection("acme", "google").await.unwrap().unwrap();
    assert!(connection.settings.contains("of-somebody"));
    let addr = running.addr;
    running.kill().await;
    assert!(TcpStream::connect(addr).await.is_err());
    let key = std::fs::read(directory.path().join("tandem.db.key")).unwrap();
    let changed = SETTINGS.replace("of-somebody", "another").replace("Europe/Berlin", "Asia/Tokyo")
        + "mode = \"pull\"\npolicy = \"ask\"\n";
    let running = start(config(directory.path(), &changed), options()).await.unwrap();
    let connection = running.store.connection("acme", "google").await.unwrap().unwrap();
    assert!(connection.settings.contains("another"));
    assert_eq!(running.store.calendars("acme").await.unwrap()[0].time_zone, "Asia/Tokyo");
    let (_, replica) = call(&running, "GET", "/v1/tenants/acme/replicas/settings").await;
    assert_eq!((&replica["mode"], &replica["policy"]), (&"pull".into(), &"ask".into()));
    assert_eq!(std::fs::read(directory.path().join("tandem.db.key")).unwrap(), key);
    running.shutdown().await;
}

#[tokio::test]
async fn replica_does_not_move_to_another_calendar() {
    let directory = tempfile::tempdir().unwrap();
    started(&directory).await.shutdown().await;
    let moved = SETTINGS.replace("\"primary\"", "\"other\"");
    let Err(error) = start(config(directory.path(), &moved), options()).await else { panic!("it started") };
    assert!(matches!(&error, StartError::Bound(id) if id == "settings"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn database_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let running = started(&directory).await;
    let mut seen = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 2, "the database and its key");
    running.shutdown().await;
}

/// A Microsoft account beside the others; its refresh token is had from `token_url`.
fn with_microsoft(token_url: &str, token: &str) -> String {
    format!(
        r#"{SETTINGS}
    [[calendars.replicas]]
    id = "outlook"
    connection = "outlook"
    remote_calendar = "primary"
    [microsoft]
    base_url = "http://127.0.0.1:9/v1.0"
    token_url = "{token_url}"
    client_id = "app"
    [[connections]]
    tenant = "acme"
    id = "outlook"
    provider = "microsoft"
    refresh_token = "{token}"
"#
    )
}

/// What a token endpoint answers: each refresh token is good for one more.
const GIVEN: &str = r#"{"access_token":"a","expires_in":3600,"refresh_token":"newest"}"#;

#[tokio::test]
async fn microsoft_account_is_kept_with_its_newest_token() {
    let endpoint = support::serve(axum::Router::new().route("/token", axum::routing::post(async || GIVEN))).await;
    let (directory, url) = (tempfile::tempdir().unwrap(), format!("http://{endpoint}/token"));
    let manual = || StartOptions { schedule: false, ..options() };
    let begin = async |text: &str| start(config(directory.path(), text), manual()).await.unwrap();
    let settings =
        async |running: &Running| running.store.connection("acme", "outlook").await.unwrap().unwrap().settings;

    let running = begin(&with_microsoft(&url, "first")).await;
    let (_, replica) = call(&running, "GET", "/v1/tenants/acme/replicas/outlook").await;
    assert_eq!((&replica["provider"], &replica["remoteCalendar"]), (&"microsoft".into(), &"primary".into()));
    let base = running.settings.read().unwrap().microsoft_base_url.clone();
    assert_eq!(base.as_deref(), Some("http://127.0.0.1:9/v1.0"));
    let egress = Arc::new(Egress::new(support::bounds(&[&endpoint])));
    let credentials = Credentials::new(running.store.clone(), egress, Arc::new(SystemClock));
    credentials.token("acme", "outlook").await.unwrap();
    let rotated = settings(&running).await;
    assert!(rotated.contains("\"newest\"") && rotated.contains("offline_access Calendars.ReadWrite"), "{rotated}");
    drop(credentials);
    running.shutdown().await;

    let running = begin(&with_microsoft(&url, "first")).await;
    assert_eq!(settings(&running).await, rotated, "the first token took the place of the newest");
    running.shutdown().await;

    let running = begin(&with_microsoft(&url, "of-a-new-sign-in")).await;
    assert!(settings(&running).await.contains("of-a-new-sign-in"));
    running.shutdown().await;
}

#[tokio::test]
async fn start_says_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut busy = config(directory.path(), SETTINGS);
    busy.server.listen = taken.local_addr().unwrap();
    let Err(error) = start(busy, options()).await else { panic!("it started") };
    assert!(error.to_string().contains("choose another server.listen"), "{error}");
    let nowhere = config(&directory.path().join("absent"), SETTINGS);
    let Err(error) = start(nowhere, options()).await else { panic!("it started") };
    assert!(matches!(error, StartError::Open(_)), "{error}");
    let rubbish = StartOptions { component: Some(b"rubbish".to_vec()), ..StartOptions::default() };
    let Err(error) = start(config(directory.path(), SETTINGS), rubbish).await else { panic!("it started") };
    assert!(matches!(error, StartError::Runtime(_)), "{error}");
}

#[tokio::test]
async fn other_paths_can_be_added() {
    let directory = tempfile::tempdir().unwrap();
    let routes = axum::Router::new().route("/more", axum::routing::get(async || "\"more\""));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let with = StartOptions { routes: Some(routes), listener: Some(listener), ..options() };
    let running = start(config(directory.path(), SETTINGS), with).await.unwrap();
    assert_eq!(running.addr, addr);
    assert_eq!(call(&running, "GET", "/more").await, (200, "more".into()));
    assert_eq!(call(&running, "GET", "/none").await.1["code"], "not-found");
    running.shutdown().await;
}
