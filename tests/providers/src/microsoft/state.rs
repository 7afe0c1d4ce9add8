//! What the simulated Microsoft Graph remembers.
//! Invariant: an item changes only through `State::put`, so its change number always moves and the indexes are right.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::config::Config;
use super::ids;
use super::rule::Rule;
use super::time::Span;
use super::watch::Subscription;
use crate::faults::FaultPlan;
use crate::http::Notification;
use crate::random::{Random, mix};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// Lines of the request log that are kept.
const MAX_LOG_LINES: usize = 100_000;

/// An occurrence that differs from its series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exception {
    /// Members that differ; the rest follows the master.
    pub(crate) body: Object,
    pub(crate) span: Span,
    pub(crate) extended: BTreeMap<String, String>,
    pub(crate) extensions: BTreeMap<String, Object>,
    pub(crate) change: u64,
    pub(crate) stamp_ms: i64,
}

/// What makes an item a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) rule: Rule,
    /// By original start, in whole minutes, as milliseconds since the Unix epoch.
    pub(crate) exceptions: BTreeMap<i64, Exception>,
    /// Original starts of deleted occurrences.
    pub(crate) cancelled: BTreeSet<i64>,
}

/// A single event or a series, in one calendar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) core: String,
    pub(crate) salt: String,
    /// Members as they are answered, without those below.
    pub(crate) body: Object,
    pub(crate) span: Span,
    pub(crate) series: Option<Series>,
    pub(crate) extended: BTreeMap<String, String>,
    pub(crate) extensions: BTreeMap<String, Object>,
    pub(crate) transaction: Option<String>,
    pub(crate) deleted: bool,
    /// Number of the last change of its own; the change key follows from it.
    pub(crate) change: u64,
    /// Number of the last change of anything in it.
    pub(crate) seq: u64,
    pub(crate) place: u64,
    pub(crate) created_ms: i64,
    pub(crate) stamp_ms: i64,
    /// When a delta may show the last change.
    pub(crate) changed_ms: i64,
    /// Where it was, by change number: for callers that are told only of what they can hold.
    pub(crate) reaches: Vec<(u64, Option<(i64, i64)>)>,
    /// It was a single event before it was a series.
    pub(crate) was_single: bool,
}

impl Item {
    /// The id in one of its forms.
    pub(crate) fn id(&self, original_ms: Option<i64>, immutable: bool) -> String {
        ids::write(&self.core, &self.salt, original_ms, immutable)
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
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) is_default: bool,
    pub(crate) can_edit: bool,
    pub(crate) items: BTreeMap<String, Item>,
    by_seq: BTreeMap<u64, String>,
    by_place: BTreeMap<u64, String>,
    pub(crate) seq: u64,
    /// Delta tokens of another generation are lost.
    pub(crate) generation: u64,
}

impl Calendar {
    pub(crate) fn new(id: &str, owner: &str, name: &str, is_default: bool) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            owner: owner.to_owned(),
            is_default,
            can_edit: true,
            items: BTreeMap::new(),
            by_seq: BTreeMap::new(),
            by_place: BTreeMap::new(),
            seq: 0,
            generation: 1,
        }
    }

    fn store(&mut self, mut item: Item, seq: u64, place: u64) {
        let reach = if item.deleted { None } else { Some(super::series::reach(&item)) };
        if let Some(old) = self.items.get(&item.core) {
            self.by_seq.remove(&old.seq);
            self.by_place.remove(&old.place);
            item.place = old.place;
            item.was_single |= old.series.is_none();
        } else {
            item.place = place;
        }
        self.seq = seq;
        item.seq = seq;
        if item.reaches.last().is_none_or(|(_, last)| *last != reach) {
            item.reaches.push((seq, reach));
        }
        self.by_seq.insert(seq, item.core.clone());
        self.by_place.insert(item.place, item.core.clone());
        self.items.insert(item.core.clone(), item);
    }

    /// Items in the order of a listing, from that place on.
    pub(crate) fn placed_from(&self, place: u64) -> impl Iterator<Item = &Item> {
        self.by_place.range(place..).filter_map(|(_, core)| self.items.get(core))
    }

    /// Items whose last change is behind `after` and not behind `upto`, in the order of change.
    pub(crate) fn changed(&self, after: u64, upto: u64) -> impl Iterator<Item = &Item> {
        let range = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let cores = self.by_seq.range(range).take_while(move |(seq, _)| **seq <= upto);
        cores.filter_map(|(_, core)| self.items.get(core))
    }

    /// The last change number that a delta may show at `until_ms`.
    pub(crate) fn shown_until(&self, until_ms: i64) -> u64 {
        let mut shown = self.seq;
        for (seq, core) in self.by_seq.iter().rev() {
            match self.items.get(core) {
                Some(item) if item.changed_ms > until_ms => shown = seq.saturating_sub(1),
                _ => break,
            }
        }
        shown
    }
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
    pub(crate) revoked: bool,
}

/// A mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The user's id.
    pub(crate) id: String,
    pub(crate) zone: String,
    /// The default calendar.
    pub(crate) calendar: String,
    pub(crate) under_way: usize,
    pub(crate) requests: VecDeque<i64>,
}

/// Figures since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests by method name, such as `events.patch`; those inside a batch too.
    pub requests: BTreeMap<String, u64>,
    /// Answers by status; 0 for none.
    pub statuses: BTreeMap<u16, u64>,
    /// Writes to events through the interface that changed one.
    pub writes: u64,
    /// Mails sent to other attendees: invitations, updates and cancellations.
    pub mails: u64,
    /// Most requests of one mailbox that were under way at once.
    pub most_under_way: usize,
    /// Notifications (POSTs) made ready, lost ones not counted.
    pub pushes: u64,
    /// Notifications lost by a fault.
    pub pushes_lost: u64,
    /// Notifications answered with 2xx.
    pub pushes_acknowledged: u64,
    /// Notifications given up.
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
    pub(crate) changes: u64,
    places: u64,
    pub(crate) served: u64,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) access: BTreeMap<String, Access>,
    pub(crate) refresh: BTreeMap<String, Refresh>,
    pub(crate) calendars: BTreeMap<String, Calendar>,
    /// The calendar in which an item was last put, by core.
    pub(crate) homes: BTreeMap<String, String>,
    /// Account and transactionId, with the item's core.
    pub(crate) transactions: BTreeMap<(String, String), String>,
    /// When and which change keys are rewritten.
    pub(crate) drifts: BTreeSet<(i64, String)>,
    /// Authorization headers of requests that were let in, with their accounts.
    pub(crate) under_way: BTreeMap<String, String>,
    pub(crate) subscriptions: BTreeMap<String, Subscription>,
    pub(crate) outbox: BTreeMap<(i64, u64), Notification>,
    /// The notification that waits for the next one of its address to overtake it.
    pub(crate) held: BTreeMap<String, (i64, u64)>,
    pub(crate) push_number: u64,
    pub(crate) faults: FaultPlan,
    pub(crate) counters: Counters,
    pub(crate) log: VecDeque<LogLine>,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            now_ms: 0,
            random: Random::new(config.seed),
            changes: 0,
            places: 0,
            served: 0,
            accounts: BTreeMap::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            calendars: BTreeMap::new(),
            homes: BTreeMap::new(),
            transactions: BTreeMap::new(),
            drifts: BTreeSet::new(),
            under_way: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            outbox: BTreeMap::new(),
            held: BTreeMap::new(),
            push_number: 0,
            faults: FaultPlan::new(config.seed),
            counters: Counters::default(),
            log: VecDeque::new(),
            config,
        }
    }

    /// The next change number.
    pub(crate) fn next_change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    /// Stores an item under a new change number of its calendar.
    pub(crate) fn put(&mut self, calendar: &str, mut item: Item) {
        self.places += 1;
        let place = match self.config.shuffle {
            None => self.places,
            // The upper half is random, the lower keeps places apart.
            Some(seed) => (mix(seed, &item.core) & 0xffff_ffff_0000_0000) | (self.places & 0xffff_ffff),
        };
        item.changed_ms = self.now_ms;
        if !item.deleted {
            self.homes.insert(item.core.clone(), calendar.to_owned());
        }
        let seq = self.next_change();
        if let Some(calendar) = self.calendars.get_mut(calendar) {
            calendar.store(item, seq, place);
        }
    }

    pub(crate) fn log(&mut self, line: LogLine) {
        if self.log.len() >= MAX_LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }
}
