//! The explanation as text, for a terminal. Times are wall times of the event, as people say them.

use std::fmt::Write as _;

use chrono::{Datelike as _, NaiveDateTime, Weekday};

use super::{Agreement, Exception, Explanation, Origin};
use crate::agenda::Entry;
use crate::event::Document;
use crate::time::{Duration, LocalDateTime, Zones};

/// `Wednesday 2026-03-25 15:00`; only the day for an event without times.
pub(super) fn moment(at: NaiveDateTime, all_day: bool) -> String {
    let day = match at.weekday() {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    };
    if all_day { format!("{day} {}", at.date()) } else { format!("{day} {} {}", at.date(), clock(at)) }
}

fn clock(at: NaiveDateTime) -> String {
    let seconds = at.format("%S").to_string();
    if seconds == "00" { at.format("%H:%M").to_string() } else { at.format("%H:%M:%S").to_string() }
}

/// When an event (or the first of a series) is.
pub(super) fn when(document: &Document, placed_in: &str) -> String {
    let Some(start) = document.str("start").and_then(LocalDateTime::parse) else {
        return "it has no start that can be read".into();
    };
    let length = document.str("duration").and_then(Duration::parse).unwrap_or_default();
    let all_day = document.is_without_time();
    if all_day {
        let days = length.days.max(1);
        let long = if days == 1 { "all day".to_owned() } else { format!("{days} days") };
        return format!("{}, {long}", moment(start.0, true));
    }
    let zone = document
        .str("timeZone")
        .map_or_else(|| format!("wherever its reader is (floating; here {placed_in})"), str::to_owned);
    format!("{}, for {length}, {zone}", moment(start.0, false))
}

/// The whole explanation.
pub(super) fn of(explanation: &Explanation, document: &Document, placed_in: &str, zones: &dyn Zones) -> String {
    let mut out = String::new();
    let title = document.str("title").unwrap_or("(no title)");
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{title}\n  {}", explanation.when);
    for rule in &explanation.rules {
        let _ = writeln!(out, "  {rule}");
    }
    let _ = writeln!(out, "  uid {}, revision {}", explanation.event.uid, explanation.event.revision);
    let recurs = document.is_recurring();
    let _ = writeln!(out, "\n{}", if recurs { "Next occurrences" } else { "Still to come" });
    if explanation.next.is_empty() {
        let _ = writeln!(out, "  none");
    }
    for entry in &explanation.next {
        let _ = writeln!(out, "  {}", occurrence(entry, placed_in, zones));
    }
    if explanation.truncated {
        let _ = writeln!(out, "  there may be more: the bound of work was reached");
    }
    if recurs {
        let _ = writeln!(out, "\nExceptions");
        if explanation.exceptions.is_empty() {
            let _ = writeln!(out, "  none");
        }
    }
    for exception in &explanation.exceptions {
        let _ = writeln!(out, "  {}", line(exception));
    }
    if !explanation.replicas.is_empty() {
        let _ = writeln!(out, "\nReplicas");
    }
    for standing in &explanation.replicas {
        let state = match standing.state {
            Agreement::InStep => format!("in step, as {}", standing.remote_id),
            Agreement::Waiting => format!("changes wait to be written, to {}", standing.remote_id),
            Agreement::Never => "not there yet".to_owned(),
            Agreement::Gone => "not there any more".to_owned(),
        };
        let _ = writeln!(out, "  {}: {state}", standing.replica);
    }
    if !explanation.problems.is_empty() {
        let _ = writeln!(out, "\nTo be known");
    }
    for problem in &explanation.problems {
        let _ = writeln!(out, "  {problem}");
    }
    out
}

fn occurrence(entry: &Entry, placed_in: &str, zones: &dyn Zones) -> String {
    let document = Document::parse(&entry.document).unwrap_or_default();
    let all_day = document.is_without_time();
    let zone = document.str("timeZone").filter(|_| !all_day).unwrap_or(placed_in);
    let local = |ms: u64| i64::try_from(ms).ok().and_then(|ms| zones.to_local(zone, ms));
    let mut said = match (local(entry.start_ms), local(entry.end_ms)) {
        (Some(start), Some(end)) if all_day && (end - start).num_days() > 1 => {
            format!("{} to {}", moment(start, true), moment(end - chrono::Duration::days(1), true))
        }
        (Some(start), _) if all_day => moment(start, true),
        (Some(start), Some(end)) if start.date() == end.date() => format!("{} to {}", moment(start, false), clock(end)),
        (Some(start), Some(end)) => format!("{} to {}", moment(start, false), moment(end, false)),
        _ => format!("at {} ms", entry.start_ms),
    };
    let original = entry.recurrence_id.as_deref().and_then(LocalDateTime::parse);
    let own = document.str("start").and_then(LocalDateTime::parse);
    if let (Some(original), true) = (original, original != own) {
        said.push_str(&format!(", instead of {}", moment(original.0, all_day)));
    }
    said
}

fn line(exception: &Exception) -> String {
    let origin = match &exception.origin {
        Origin::Application => "made in the application".to_owned(),
        Origin::Replica(replica) => format!("made at {replica}"),
        Origin::Series(replica) => format!("a date of the series itself at {replica}"),
    };
    let original = LocalDateTime::parse(&exception.recurrence_id).map(|at| moment(at.0, false));
    let id = original.unwrap_or_else(|| exception.recurrence_id.clone());
    let mut said = format!("{id}: {}; {origin}", exception.what);
    if !exception.waiting.is_empty() {
        said.push_str(&format!("; not yet at {}", exception.waiting.join(", ")));
    }
    said
}
