//! What the simulated Google remembers.
//! Invariant: a row changes only through `Calendar::put` or `Calendar::remove`, so its change number always moves and
//! its indexes are always right.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::config::Config;
use super::watch::Channel;
use crate::faults::FaultPlan;
use crate::http::Notification;
use crate::random::{Random, mix};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// Lines of the request log that are kept.
const MAX_LOG_LINES: usize = 100_000;

/// What an account may do with a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees when, not what.
    FreeBusyReader,
    /// Reads; private events are hidden.
    Reader,
    /// Writes; private events are hidden.
    WriterWithoutPrivateAccess,
    /// Reads and writes everything.
    Writer,
    /// Also manages access.
    Owner,
}

impl Role {
    /// Google's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FreeBusyReader => "freeBusyReader",
            Self::Reader => "reader",
            Self::WriterWithoutPrivateAccess => "writerWithoutPrivateAccess",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn may_write(self) -> bool {
        self >= Self::WriterWithoutPrivateAccess
    }

    pub(crate) fn sees_private(self) -> bool {
        self >= Self::Writer
    }
}

/// An event as it is stored: complete, as its owner sees it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) body: Object,
    /// The body as text, made once, because listings are mostly that.
    pub(crate) text: String,
    /// Number of its last change in the calendar.
    pub(crate) seq: u64,
    /// Place in a full listing.
    pub(crate) place: u64,
    /// Microseconds; the etag is twice that.
    pub(crate) stamp_us: i64,
}

impl Row {
    pub(crate) fn is_cancelled(&self) -> bool {
        text(&self.body, "status") == "cancelled"
    }

    pub(crate) fn master(&self) -> Option<&str> {
        self.body.get("recurringEventId").and_then(Value::as_str)
    }
}

/// A string member, or the empty text.
pub(crate) fn text<'a>(body: &'a Object, key: &str) -> &'a str {
    body.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A calendar and its events.
#[derive(Debug)]
pub(crate) struct Calendar {
    pub(crate) id: String,
    pub(crate) summary: String,
    pub(crate) time_zone: String,
    pub(crate) owner: String,
    pub(crate) primary: bool,
    pub(crate) pushable: bool,
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) default_reminders: Value,
    pub(crate) rows: BTreeMap<String, Row>,
    by_seq: BTreeMap<u64, String>,
    by_place: BTreeMap<u64, String>,
    by_ical: BTreeMap<String, BTreeSet<String>>,
    pub(crate) seq: u64,
    places: u64,
    /// Sync tokens of another generation are refused.
    pub(crate) generation: u64,
    pub(crate) updated_us: i64,
    shuffle: Option<u64>,
}

impl Calendar {
    pub(crate) fn new(id: &str, owner: &str, time_zone: &str, shuffle: Option<u64>) -> Self {
        Self {
            id: id.to_owned(),
            summary: id.to_owned(),
            time_zone: time_zone.to_owned(),
            owner: owner.to_owned(),
            primary: id == owner,
            pushable: true,
            roles: BTreeMap::from([(owner.to_owned(), Role::Owner)]),
            default_reminders: serde_json::json!([{ "method": "popup", "minutes": 30 }]),
            rows: BTreeMap::new(),
            by_seq: BTreeMap::new(),
            by_place: BTreeMap::new(),
            by_ical: BTreeMap::new(),
            seq: 0,
            places: 0,
            generation: 1,
            updated_us: 0,
            shuffle,
        }
    }

    /// Stores a row under a new change number and sets its etag.
    pub(crate) fn put(&mut self, id: &str, mut body: Object, stamp_us: i64) {
        self.seq += 1;
        body.insert("etag".to_owned(), Value::from(etag(stamp_us)));
        let place = match self.rows.get(id) {
            Some(old) => {
                self.by_seq.remove(&old.seq);
                old.place
            }
            None => self.new_place(id),
        };
        let ical = text(&body, "iCalUID");
        if !ical.is_empty() {
            self.by_ical.entry(ical.to_owned()).or_default().insert(id.to_owned());
        }
        self.by_seq.insert(self.seq, id.to_owned());
        self.by_place.insert(place, id.to_owned());
        self.updated_us = self.updated_us.max(stamp_us);
        let shown = super::view::stored(&body);
        self.rows.insert(id.to_owned(), Row { text: shown, body, seq: self.seq, place, stamp_us });
    }

    fn new_place(&mut self, id: &str) -> u64 {
        self.places += 1;
        match self.shuffle {
            None => self.places,
            // The upper half is random, the lower keeps places apart.
            Some(seed) => (mix(seed, id) & 0xffff_ffff_0000_0000) | (self.places & 0xffff_ffff),
        }
    }

    /// Makes a row vanish without a trace.
    pub(crate) fn remove(&mut self, id: &str) {
        if let Some(row) = self.rows.remove(id) {
            self.seq += 1;
            self.by_seq.remove(&row.seq);
            self.by_place.remove(&row.place);
            if let Some(ids) = self.by_ical.get_mut(text(&row.body, "iCalUID")) {
                ids.remove(id);
            }
        }
    }

    /// Ids of the rows with that iCalUID.
    pub(crate) fn with_ical(&self, ical: &str) -> Vec<String> {
        self.by_ical.get(ical).map(|ids| ids.iter().cloned().collect()).unwrap_or_default()
    }

    /// All iCalUIDs with the ids of their rows.
    pub(crate) fn icals(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.by_ical.iter()
    }

    /// Rows of a full listing from that place on.
    pub(crate) fn placed_from(&self, place: u64) -> impl Iterator<Item = (&String, &Row)> {
        self.by_place.range(place..).filter_map(|(_, id)| self.rows.get_key_value(id))
    }

    /// Rows whose last change is in `after+1 ..= upto`, in the order of change.
    pub(crate) fn changed(&self, after: u64, upto: u64) -> impl Iterator<Item = (&String, &Row)> {
        let range = (std::ops::Bound::Excluded(after), std::ops::Bound::Included(upto.max(after + 1)));
        self.by_seq.range(range).filter(move |(seq, _)| **seq <= upto).filter_map(|(_, id)| self.rows.get_key_value(id))
    }

    /// The seed of shuffled listings.
    pub(crate) fn shuffle(&self) -> Option<u64> {
        self.shuffle
    }

    /// Whether any row's id begins like that.
    pub(crate) fn has_ids_below(&self, prefix: &str) -> bool {
        self.rows.range(prefix.to_owned()..).next().is_some_and(|(id, _)| id.starts_with(prefix))
    }

    /// The exceptions of a series, in the order of their ids.
    pub(crate) fn exceptions<'a>(&'a self, master: &'a str) -> impl Iterator<Item = (&'a String, &'a Row)> {
        let prefix = format!("{master}_");
        let end = prefix.clone();
        self.rows
            .range(prefix..)
            .take_while(move |(id, _)| id.starts_with(&end))
            .filter(move |(_, row)| row.master() == Some(master))
    }
}

/// The etag of a change at `stamp_us`, with its quotes.
pub(crate) fn etag(stamp_us: i64) -> String {
    format!("\"{}\"", stamp_us.saturating_mul(2))
}

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) account: String,
    pub(crate) expires_ms: i64,
    pub(crate) scopes: Vec<String>,
}

/// A refresh token.
#[derive(Clone, Debug)]
pub(crate) struct Refresh {
    pub(crate) account: String,
    pub(crate) client: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) revoked: bool,
}

/// Figures since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests by method name, such as `events.list`.
    pub requests: BTreeMap<String, u64>,
    /// Answers by status; 0 for none.
    pub statuses: BTreeMap<u16, u64>,
    /// Writes to events through the interface that changed a row.
    pub writes: u64,
    /// Invitation and cancellation mails sent to other attendees.
    pub mails: u64,
    /// Pushes made ready, lost ones not counted.
    pub pushes: u64,
    /// Pushes lost by a fault.
    pub pushes_lost: u64,
    /// Pushes that were answered with success.
    pub pushes_acknowledged: u64,
    /// Pushes given up, or refused for good.
    pub pushes_failed: u64,
}

/// A line of the request log; it has no bodies and no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// HTTP method.
    pub method: String,
    /// Path and query; for tokens only the path.
    pub path: String,
    /// The method's name, such as `events.patch`.
    pub name: String,
    /// The account, empty when unknown.
    pub account: String,
    /// Status; none for a lost answer.
    pub status: Option<u16>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) now_ms: i64,
    pub(crate) random: Random,
    pub(crate) accounts: BTreeSet<String>,
    pub(crate) access: BTreeMap<String, Access>,
    pub(crate) refresh: BTreeMap<String, Refresh>,
    pub(crate) calendars: BTreeMap<String, Calendar>,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) burnt_channels: BTreeSet<String>,
    pub(crate) outbox: BTreeMap<(i64, u64), Notification>,
    pub(crate) push_number: u64,
    pub(crate) faults: FaultPlan,
    pub(crate) counters: Counters,
    pub(crate) log: VecDeque<LogLine>,
    pub(crate) spent: BTreeMap<String, VecDeque<(i64, u32)>>,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            now_ms: 0,
            random: Random::new(config.seed),
            accounts: BTreeSet::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            calendars: BTreeMap::new(),
            channels: BTreeMap::new(),
            burnt_channels: BTreeSet::new(),
            outbox: BTreeMap::new(),
            push_number: 0,
            faults: FaultPlan::new(config.seed),
            counters: Counters::default(),
            log: VecDeque::new(),
            spent: BTreeMap::new(),
            config,
        }
    }

    /// Microseconds now, later than `previous_us`, so that an etag always moves.
    pub(crate) fn stamp_after(&self, previous_us: i64) -> i64 {
        self.now_ms.saturating_mul(1000).max(previous_us.saturating_add(1000))
    }

    pub(crate) fn log(&mut self, line: LogLine) {
        if self.log.len() >= MAX_LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }
}
