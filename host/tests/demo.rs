//! The demo as a stranger starts it: the program, its story, its page, and that nothing stays behind.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A bound for a demo that hangs, not a measure of time: each wait inside the demo has a shorter one.
const BOUND: Duration = Duration::from_secs(300);

fn demo(temporary: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.arg("demo").args(arguments).env("TMPDIR", temporary).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Exit code, standard output and standard error.
fn ended(mut child: Child) -> (Option<i32>, String, String) {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > BOUND {
            child.kill().unwrap();
            panic!("the demo does not end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap().code(), out, err)
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn story_ends_with_equal_sides_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let (code, out, err) =
        ended(demo(temporary.path(), &["--headless", "--script", "--events", "300", "--outlook-events", "60"]));
    assert_eq!(code, Some(0), "{out}{err}");
    let figure = |name: &str| {
        let line = out.lines().find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {out}")).trim_start().trim_start_matches(name).trim().to_owned()
    };
    assert_eq!(figure("events  "), "360");
    assert!(figure("first sync, Google read").starts_with("300 events"));
    let number = |text: &str| text.split([' ', ',']).next().unwrap().parse::<usize>().unwrap();
    let written = |provider: &str| number(&figure(&format!("first sync, written to {provider}")));
    // At least the one of the story.
    let refused = figure("series that Outlook cannot express");
    assert!(written("Outlook") + number(&refused) >= 300 && written("Google") >= 60, "{out}");
    assert_eq!(figure("first sync, mails sent to guests"), "0");
    assert_eq!(figure("conflicts recorded"), "2");
    assert_eq!(figure("other failures"), "0");
    assert!(number(&refused) >= 1 && refused.contains(", each recorded; "), "{refused}");
    assert!(number(refused.split("; ").last().unwrap()) >= 2, "{refused}");
    assert!(figure("Google, each month on day 31").contains("refused for Outlook"));
    assert!(figure("Outlook, each month on day 31").contains("equal on all sides"));
    let compared = figure("compared at the end");
    assert!(compared.ends_with("equal on 3 sides, 0 differences"), "{compared}");
    let equal: usize = compared.split(' ').next().unwrap().parse().unwrap();
    assert!(equal > 100, "the comparison saw only {equal} occurrences");
    for provider in ["Google", "Outlook"] {
        assert_eq!(figure(&format!("duplicates in {provider}")), "0");
        assert!(figure(&format!("{provider}, exceptions")).contains("one of them moved and one cancelled"));
        for step in ["429", "lost webhook", "lost answer", "expired token", "killed in a write", "killed in a listing"]
        {
            assert!(!figure(&format!("{provider}, {step}")).is_empty());
        }
    }
    for side in ["Google", "your application", "Outlook"] {
        assert!(figure(&format!("{side}, series split")).contains("on all sides"));
        assert!(figure(&format!("{side} -> others, edit (median)")).contains("in Outlook after") || side == "Outlook");
    }
    assert!(is_empty(temporary.path()), "the database was left behind");
}

/// The body of an answer.
fn get(addr: &str, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn page_is_served_until_a_signal() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = demo(temporary.path(), &["--port", "0", "--events", "60", "--outlook-events", "20"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines
        .find_map(|line| line.unwrap().split(' ').find_map(|word| word.strip_prefix("http://").map(str::to_owned)));
    let addr = url.unwrap().trim_end_matches('/').to_owned();
    for path in ["/", "/demo"] {
        let page = get(&addr, path, &addr);
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("This week on all sides"), "{page}");
        for action in ["edit:outlook:rename", "fault:google:token", "fault:outlook:kill"] {
            assert!(page.contains(action), "no button {action}");
        }
        assert!(page.contains("default-src 'self'"), "the page could load something from elsewhere");
    }
    assert!(get(&addr, "/page.js", &addr).contains("EventSource"));
    assert!(get(&addr, "/", "evil.example").starts_with("HTTP/1.1 403"));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    // The pipe ends with the program.
    assert!(lines.all(|line| line.is_ok()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(is_empty(temporary.path()), "the database was left behind");
}

#[test]
fn port_that_is_taken_is_said_before_the_work() {
    let temporary = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, out, err) = ended(demo(temporary.path(), &["--port", &port]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("choose another --port"), "{err}");
}
