//! The real program on its database, killed and started again; and calls of its API.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::sides::{CALENDARS, Provider, Sides, token};

/// How long an answer may take; a bound, not a measure.
const ANSWER: Duration = Duration::from_secs(60);

/// Settings, database and log of the program.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    directory: TempDir,
}

impl Server {
    pub(crate) async fn new(sides: &Sides, synchronous: &str) -> Self {
        // The port stays the same over all starts: providers know it.
        let addr = free_address().await;
        let directory = tempfile::tempdir().unwrap();
        let text = settings(sides, addr, synchronous);
        std::fs::write(directory.path().join("tandem.toml"), text).unwrap();
        Self { addr, directory }
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    pub(crate) fn spawn(&self) -> Process {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TANDEM_")) {
            command.env_remove(name);
        }
        let child = command.arg("serve").current_dir(self.directory.path()).stdin(Stdio::null()).stderr(log).spawn();
        Process { child: child.unwrap(), addr: self.addr, log: self.log() }
    }

    /// What the program said, for a test that fails.
    pub(crate) fn said(&self) -> String {
        let mut said = String::new();
        std::fs::File::open(self.log()).unwrap().read_to_string(&mut said).unwrap();
        said
    }

    /// SQLite finds nothing wrong, no panic was logged, and nothing is left to be done.
    pub(crate) fn database_is_whole(&self) {
        let database = rusqlite::Connection::open(self.directory.path().join("tandem.db")).unwrap();
        let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
        let broken: Option<String> =
            database.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).map(Some).unwrap_or_default();
        assert_eq!(broken, None, "a row refers to nothing");
        assert!(!self.said().contains("panicked"), "{}", self.said());
    }
}

/// The running program.
pub(crate) struct Process {
    child: Child,
    addr: SocketAddr,
    log: PathBuf,
}

impl Process {
    /// SIGKILL, by its own process id. Says whether it listened already.
    pub(crate) fn kill(mut self) -> bool {
        let listened = std::net::TcpStream::connect(self.addr).is_ok();
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("it ended by itself with {status}: {}", std::fs::read_to_string(&self.log).unwrap());
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        listened
    }

    /// SIGTERM, and a good end.
    pub(crate) fn end(mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only after a failed assertion is it still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody is given between two starts: below the ports that systems give away by themselves.
async fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let from = u16::try_from(std::process::id() % 16_000).unwrap();
    for _ in 0..100 {
        let port = 12_000 + (from + NEXT.fetch_add(1, Ordering::Relaxed)) % 16_000;
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(addr).await.is_ok() {
            return addr;
        }
    }
    panic!("no port is free from {from} above 12000");
}

/// Polls are so rare that only webhooks can bring changes.
fn settings(sides: &Sides, addr: SocketAddr, synchronous: &str) -> String {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cwasm");
    let (google, microsoft) = (&sides.google_url, &sides.microsoft_url);
    let mut text = format!(
        "[server]\nlisten = \"{addr}\"\npublic_url = \"http://{addr}\"\n\
         [store]\nsynchronous = \"{synchronous}\"\n\
         [sync]\npoll_interval_s = 86400\nsafety_poll_interval_s = 604800\npage_size = 20\nlease_s = 5\n\
         [google]\nbase_url = \"{google}/calendar/v3\"\ntoken_url = \"{google}/token\"\n\
         [microsoft]\nbase_url = \"{microsoft}/v1.0\"\ntoken_url = \"{microsoft}/token\"\n\
         [sandbox]\ncache_dir = \"{}\"\n[log]\nlevel = \"warn\"\n",
        cache.display()
    );
    for calendar in &CALENDARS {
        for (provider, account) in calendar.replicas {
            let (name, token) = (name(*provider), token(account));
            text += &format!(
                "[[connections]]\ntenant = \"acme\"\nid = \"{}-{name}\"\nprovider = \"{name}\"\naccess_token = \"{token}\"\n",
                calendar.id
            );
        }
    }
    for calendar in &CALENDARS {
        text += &format!("[[calendars]]\ntenant = \"acme\"\nid = \"{}\"\ntime_zone = \"Europe/Berlin\"\n", calendar.id);
        for (provider, _) in calendar.replicas {
            let id = format!("{}-{}", calendar.id, name(*provider));
            text += &format!(
                "[[calendars.replicas]]\nid = \"{id}\"\nconnection = \"{id}\"\nremote_calendar = \"primary\"\n"
            );
        }
    }
    text
}

fn name(provider: Provider) -> &'static str {
    match provider {
        Provider::Google => "google",
        Provider::Microsoft => "microsoft",
    }
}

/// Status and JSON of a whole answer; none when there was none, or only a part of it.
pub(crate) async fn call(addr: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
    let text = body.map(Value::to_string).unwrap_or_default();
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let head = format!(
        "{method} /v1/tenants/acme/{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\n\r\n{text}",
        text.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await.ok()?;
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let whole = length.parse::<usize>().ok()? == body.len();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        whole.then(|| (status, serde_json::from_str(body).unwrap_or_default()))
    };
    tokio::time::timeout(ANSWER, exchange).await.expect("an answer takes for ever")
}
