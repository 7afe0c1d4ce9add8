//! The program itself: exit codes, what it says, and its end at a signal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn tandem(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.current_dir(directory);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TANDEM_")) {
        command.env_remove(name);
    }
    command
}

fn texts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn check_config_says_what_is_wrong_and_where() {
    let directory = tempfile::tempdir().unwrap();
    let (code, out, err) = texts(&tandem(directory.path()).arg("check-config").output().unwrap());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("0 connections, 0 calendars with 0 replicas, polling, listening on 127.0.0.1:8080"), "{out}");
    std::fs::write(directory.path().join("tandem.toml"), "[server]\nlisten = 1\n").unwrap();
    for command in ["check-config", "serve"] {
        let (code, out, err) = texts(&tandem(directory.path()).arg(command).output().unwrap());
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(err.contains("tandem.toml:2: server.listen is a number, not a text"), "{err}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn arguments_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let (code, out, _) = texts(&tandem(directory.path()).arg("--version").output().unwrap());
    assert_eq!((code, out.trim()), (Some(0), concat!("tandem ", env!("CARGO_PKG_VERSION"))));
    let (code, _, err) = texts(&tandem(directory.path()).arg("srve").output().unwrap());
    assert_eq!(code, Some(2));
    assert!(err.contains("srve"), "{err}");
    let (code, _, err) = texts(&tandem(directory.path()).args(["serve", "--config", "absent.toml"]).output().unwrap());
    assert_eq!(code, Some(2));
    assert!(err.contains("absent.toml: cannot be read"), "{err}");
}

#[test]
fn database_that_is_none_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tandem.db");
    std::fs::write(&file, "these are my notes\n").unwrap();
    let (code, _, err) = texts(&tandem(directory.path()).arg("serve").output().unwrap());
    assert_eq!(code, Some(1));
    assert!(err.contains("tandem.db"), "{err}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "these are my notes\n");
}

#[cfg(unix)]
#[test]
fn server_runs_until_a_signal_and_logs_json() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = tandem(directory.path())
        .arg("serve")
        .env("TANDEM_SERVER_LISTEN", "127.0.0.1:0")
        .env("TANDEM_LOG_FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended without listening");
    }
    let log: serde_json::Value = serde_json::from_str(&line).unwrap();
    let addr = log.get("addr").and_then(|addr| addr.as_str()).unwrap();
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    let request = "GET /v1/tenants/t/changes?since=12345678 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let killed = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains("\"route\":\"/v1/tenants/{tenant}/changes\"") && rest.contains("stopped"), "{rest}");
    assert!(!rest.contains("12345678"), "the log holds a query: {rest}");
}

#[cfg(unix)]
#[test]
fn explain_tells_of_an_event_while_the_server_runs() {
    use std::io::Write as _;
    let directory = tempfile::tempdir().unwrap();
    let settings = "[[calendars]]\ntenant = \"acme\"\nid = \"work\"\nname = \"Work\"\ntime_zone = \"Europe/Berlin\"\n";
    std::fs::write(directory.path().join("tandem.toml"), settings).unwrap();
    let explain = |uid: &str| {
        let arguments = ["explain", uid, "--from", "2026-03-02T00:00:00Z", "--limit", "2"];
        texts(&tandem(directory.path()).args(arguments).output().unwrap())
    };
    let (code, _, err) = explain("s");
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("there is no database tandem.db yet"), "{err}");
    let mut server = tandem(directory.path())
        .arg("serve")
        .env("TANDEM_SERVER_LISTEN", "127.0.0.1:0")
        .env("TANDEM_LOG_FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended without listening");
    }
    let log: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = log.get("addr").and_then(|address| address.as_str()).unwrap();
    let event = r#"{"uid":"s","title":"Planning","start":"2026-03-02T09:00:00","timeZone":"Europe/Berlin","duration":"PT1H",
        "recurrenceRules":[{"@type":"RecurrenceRule","frequency":"weekly"}],
        "recurrenceOverrides":{"2026-03-09T09:00:00":{"excluded":true}}}"#;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /v1/tenants/acme/calendars/work/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{event}",
        event.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let (code, out, err) = explain("s");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for line in [
        "Planning\n",
        "  every week\n",
        "  Monday 2026-03-16 09:00 to 10:00\n",
        "  Monday 2026-03-09 09:00: cancelled; made in the application\n",
    ] {
        assert!(out.contains(line), "{line:?} is not in {out}");
    }
    let (code, _, err) = explain("other");
    assert_eq!(code, Some(1));
    assert!(err.contains("tenant acme has no such event"), "{err}");
    server.kill().unwrap();
    server.wait().unwrap();
}
