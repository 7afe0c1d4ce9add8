//! Pages of a listing, made before they are needed.
//!
//! Rows are those that the simulated Google lists for its own generated events (singles, all-day, series with moved and
//! cancelled occurrences, guests, reminders, six zones), repeated under new ids. So a calendar of any size costs no
//! simulation while something is measured.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use tandem_providers::google::{Config, Google};
use tandem_providers::{ManualClock, SimRequest};

use crate::Failed;

/// Generated events and series; their exceptions come on top.
const TEMPLATES: usize = 4_000;
/// When the simulated Google lives: 2026-03-02T08:00:00Z.
const NOW_MS: i64 = 1_772_438_400_000;
const ACCOUNT: &str = "ada@example.com";
/// Rows of a page, as many as Google allows.
pub(crate) const PAGE_ROWS: usize = 2_500;

struct Template {
    /// Its own id.
    id: String,
    /// The id of the event, or of its master: what is replaced to make another event of it.
    base: String,
    /// It does not recur.
    single: bool,
    text: String,
}

/// A calendar of any size.
pub(crate) struct Pages {
    templates: Vec<Template>,
}

impl Pages {
    /// Generate the templates; takes a moment.
    pub(crate) fn new() -> Result<Self, Failed> {
        let google = Google::new(Config::default(), Arc::new(ManualClock::at(NOW_MS)));
        google.add_account(ACCOUNT, "Europe/Berlin");
        google.grant_access(ACCOUNT, "token", 3_600_000);
        google.generate(ACCOUNT, TEMPLATES, 7).map_err(|_| "the calendar cannot be filled")?;
        let mut templates = Vec::new();
        let mut page = String::new();
        loop {
            let url = format!("/calendar/v3/calendars/primary/events?maxResults={PAGE_ROWS}&singleEvents=false{page}");
            let answer = google.handle(&SimRequest::new("GET", &url).bearer("token"));
            let body = answer.json();
            for row in body["items"].as_array().into_iter().flatten() {
                templates.push(template(row)?);
            }
            match body["nextPageToken"].as_str() {
                Some(token) => page = format!("&pageToken={token}"),
                None => break,
            }
        }
        // A series and its exceptions stand together, so that few of them are torn by the end of a page.
        templates.sort_by(|a, b| (&a.base, &a.id).cmp(&(&b.base, &b.id)));
        Ok(Self { templates })
    }

    /// The row with this id, as it is in the full listing.
    pub(crate) fn row_of(&self, id: &str) -> Option<Bytes> {
        let (whose, suffix) = id.split_once('_').map_or((id, None), |(master, suffix)| (master, Some(suffix)));
        let (base, copy) = whose.rsplit_once('c')?;
        let original = suffix.map_or(base.to_owned(), |suffix| format!("{base}_{suffix}"));
        let at = self.templates.binary_search_by(|t| (t.base.as_str(), &t.id).cmp(&(base, &original))).ok()?;
        let mut row = String::new();
        self.row(copy.parse::<usize>().ok()? * self.templates.len() + at, &mut row);
        Some(row.into())
    }

    fn row(&self, number: usize, out: &mut String) -> &Template {
        let template = &self.templates[number % self.templates.len()];
        let copy = format!("{}c{}", template.base, number / self.templates.len());
        out.push_str(&template.text.replace(&template.base, &copy));
        template
    }

    /// Page `number` of a full listing of `rows` rows.
    pub(crate) fn page(&self, number: usize, rows: usize) -> Bytes {
        let (first, end) = (number * PAGE_ROWS, rows.min((number + 1) * PAGE_ROWS));
        let mut items = String::with_capacity(PAGE_ROWS * 1_100);
        for row in first..end {
            self.row(row, &mut items);
            items.push(',');
        }
        let next = if end < rows { format!(r#""nextPageToken":"{}""#, number + 1) } else { cursor(0) };
        envelope(&next, &items)
    }

    /// The listing after cursor `number`: `changes` single events, spread over `rows` rows, have another title. (Of a
    /// changed series the exceptions are read again, a request each: that would measure the provider.)
    pub(crate) fn delta(&self, number: usize, changes: usize, rows: usize) -> Bytes {
        let mut items = String::new();
        let single = |row: &usize| self.templates[row % self.templates.len()].single;
        let singles: Vec<usize> = (0..rows).filter(single).collect();
        for change in 0..changes {
            let at = (number * 7_919 + change * (singles.len() / changes)) % singles.len();
            let mut row = String::new();
            self.row(singles[at], &mut row);
            let row = row.replacen(r#""summary":""#, &format!(r#""summary":"{number}. "#), 1);
            items.push_str(&row.replacen(r#""etag":"\""#, &format!(r#""etag":"\"{number}"#), 1));
            items.push(',');
        }
        envelope(&cursor(number + 1), &items)
    }
}

fn template(row: &serde_json::Value) -> Result<Template, Failed> {
    let master = row["recurringEventId"].as_str();
    let id = row["id"].as_str().ok_or("a row without an id")?.to_owned();
    Ok(Template {
        base: master.unwrap_or(&id).to_owned(),
        single: master.is_none() && row["recurrence"].is_null(),
        id,
        text: row.to_string(),
    })
}

fn cursor(number: usize) -> String {
    format!(r#""nextSyncToken":"{number}""#)
}

fn envelope(next: &str, items: &str) -> Bytes {
    let mut body = String::with_capacity(items.len() + 300);
    let items = items.trim_end_matches(',');
    let _ = write!(
        body,
        r#"{{"kind":"calendar#events","etag":"\"1\"","summary":"ada","timeZone":"Europe/Berlin","accessRole":"owner",{next},"items":[{items}]}}"#
    );
    body.into()
}
