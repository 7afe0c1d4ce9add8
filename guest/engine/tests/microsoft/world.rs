//! A calendar of an application, its replica at the simulated Microsoft, and virtual time.

use serde_json::{Value, json};
use tandem_engine::editing::{self, Action, Edit, Scope};
use tandem_engine::effects::{
    AuthError, Batch, ConflictPolicy, Connection, Effects, Mark, MarkOutcome, ProviderKind, Replica, ReplicaMode,
    Request, Response, Settings, StorageError, Stored, TimeMs, TransportError,
};
use tandem_engine::sync::{self, Outcome, StepError, state::State};
use tandem_engine::time::BundledZones;
use tandem_engine::webhooks::{self, Notice};
use tandem_providers::microsoft::{Config, Microsoft};
use tandem_providers::{Clock as _, ManualClock};

use crate::memory::Memory;
use crate::memory::effects::{from_simulator, reads, to_simulator};

/// The account; its default calendar is the replica's.
pub const ACCOUNT: &str = "ada@example.com";
/// The local calendar.
pub const CALENDAR: &str = "work";
/// The replica.
pub const REPLICA: &str = "work-outlook";

/// See the module.
pub struct World {
    pub clock: ManualClock,
    pub microsoft: Microsoft,
    pub memory: Memory,
    /// Statuses that notifications were answered with.
    pub notified: Vec<u16>,
    /// Effects until the process dies; none: never.
    pub left: Option<u64>,
    /// Requests that were sent.
    pub sent: usize,
    /// How often a fresh credential was asked for.
    pub refreshes: u32,
    settings: Settings,
    random: u64,
}

impl World {
    /// An empty calendar in two-way mode, at 2026-03-02T08:00:00Z, a Monday.
    pub fn new(config: Config) -> Self {
        let clock = ManualClock::at(1_772_438_400_000);
        let config = Config { allow_http_webhooks: true, trust_webhooks: true, ..config };
        let microsoft = Microsoft::new(config, std::sync::Arc::new(clock.clone()));
        let remote_calendar = microsoft.add_account(ACCOUNT, "W. Europe Standard Time");
        microsoft.grant_access(ACCOUNT, "token", i64::MAX / 4);
        let connection = Connection {
            id: "ada".into(),
            provider: ProviderKind::Microsoft,
            revoked: false,
            not_before_ms: 0,
            attempts: 0,
        };
        let replica = Replica {
            id: REPLICA.into(),
            tenant: "acme".into(),
            connection: connection.clone(),
            calendar: CALENDAR.into(),
            remote_calendar,
            mode: ReplicaMode::TwoWay,
            policy: ConflictPolicy::Newest,
            state: String::new(),
            revision: 0,
            wanted: 0,
            lease_epoch: 0,
        };
        let mut memory = Memory::default();
        memory.connections.insert(connection.id.clone(), connection);
        memory.replicas.insert(replica.id.clone(), replica);
        let settings = Settings {
            webhook_url: None,
            signing_key: b"0123456789abcdef0123456789abcdef".to_vec(),
            google_base_url: None,
            microsoft_base_url: Some("https://sim.invalid/v1.0".into()),
            poll_interval_s: 60,
            safety_poll_interval_s: 3_600,
            page_size: 250,
        };
        Self { clock, microsoft, memory, notified: Vec::new(), left: None, sent: 0, refreshes: 0, settings, random: 0 }
    }

    /// With notifications.
    pub fn with_push(mut self) -> Self {
        self.settings.webhook_url = Some("http://127.0.0.1:9/webhooks".into());
        self
    }

    pub fn step(&mut self) -> Outcome {
        self.try_step().unwrap()
    }

    /// A step that may end with the process.
    pub fn try_step(&mut self) -> Result<Outcome, StepError> {
        sync::step(self, &BundledZones::new(), REPLICA).map(|report| report.outcome)
    }

    /// Answer the mass-delete guard, should it ask.
    pub fn accept_deletions(&mut self) {
        self.answer_guard(true);
    }

    /// Accept what the mass-delete guard asks about, or refuse it.
    pub fn answer_guard(&mut self, accept: bool) {
        sync::answer_guard(self, &BundledZones::new(), REPLICA, accept).unwrap();
    }

    /// Hand over the notifications that are due.
    pub fn deliver(&mut self) {
        let now_ms = self.clock.now_ms();
        for notification in self.microsoft.take_notifications(now_ms) {
            let query = notification.address.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
            let (headers, body) = (notification.headers.clone(), notification.body.clone());
            let notice = Notice { provider: ProviderKind::Microsoft, query, headers, body };
            let answer = webhooks::receive(self, &notice);
            self.notified.push(answer.status);
            self.microsoft.notification_answered(notification, Some(answer.status));
        }
    }

    /// Step until nothing is to be done now.
    pub fn settle(&mut self) -> Outcome {
        for _ in 0..2_000 {
            self.deliver();
            match self.step() {
                Outcome::Again => {}
                Outcome::Retry { at_ms, .. } => self.clock.set(i64::try_from(at_ms).unwrap()),
                Outcome::Idle(at_ms) => {
                    let replica = self.memory.replica(REPLICA).unwrap();
                    let served = self.state().pulled_wanted >= replica.wanted;
                    if served && self.microsoft.next_notification_at().is_none() {
                        return Outcome::Idle(at_ms);
                    }
                    self.clock.advance(1_000);
                }
                paused => return paused,
            }
        }
        panic!("it never settles");
    }

    /// Let time pass to the next poll, and settle.
    pub fn poll(&mut self) -> Outcome {
        self.clock.advance(2 * 3_600_000);
        self.settle()
    }

    pub fn state(&self) -> State {
        State::parse(&self.memory.replica(REPLICA).unwrap().state)
    }

    pub fn edit(&mut self, uid: Option<&str>, recurrence_id: Option<&str>, action: Action) {
        self.try_edit(uid, recurrence_id, action).unwrap();
    }

    pub fn try_edit(
        &mut self,
        uid: Option<&str>,
        recurrence_id: Option<&str>,
        action: Action,
    ) -> Result<(), editing::EditError> {
        let scope = if recurrence_id.is_some() { Scope::This } else { Scope::All };
        let edit = Edit {
            calendar: CALENDAR.into(),
            uid: uid.map(str::to_owned),
            recurrence_id: recurrence_id.map(str::to_owned),
            scope,
            expected_revision: None,
            action,
            notify_attendees: false,
        };
        editing::apply(self, &BundledZones::new(), &edit).map(drop)
    }

    pub fn create(&mut self, document: &Value) {
        self.edit(None, None, Action::Create(document.to_string()));
    }

    pub fn patch(&mut self, uid: &str, patch: &Value) {
        self.edit(Some(uid), None, Action::Patch(patch.to_string()));
    }

    /// Live local events.
    pub fn local(&self) -> Vec<Value> {
        let live = self.memory.events.values().filter(|row| !row.deleted);
        live.map(|row| serde_json::from_str(&row.document).unwrap()).collect()
    }

    /// The local event of that title.
    pub fn titled(&self, title: &str) -> Value {
        let all = self.local();
        all.iter().find(|event| event["title"] == title).cloned().unwrap_or_else(|| panic!("no {title}: {all:#?}"))
    }

    /// Single events and masters that Microsoft has.
    pub fn remote(&self) -> Vec<Value> {
        let own = |event: &Value| event["type"] == "singleInstance" || event["type"] == "seriesMaster";
        self.microsoft.truth(ACCOUNT).into_iter().filter(own).collect()
    }

    /// The paths of requests about the event of that title, for faults.
    pub fn path_of(&self, title: &str) -> String {
        let uid = self.titled(title)["uid"].as_str().unwrap().to_owned();
        let shadow = self.memory.shadows.values().find(|shadow| shadow.uid == uid).unwrap();
        format!("*/events/{}*", shadow.remote_id.trim_end_matches('='))
    }

    /// Microsoft's event of that subject.
    pub fn subject(&self, subject: &str) -> Value {
        let all = self.remote();
        all.iter()
            .find(|event| event["subject"] == subject)
            .cloned()
            .unwrap_or_else(|| panic!("no {subject}: {all:#?}"))
    }

    /// Requests of that method so far.
    pub fn requests(&self, method: &str) -> usize {
        self.microsoft.log().iter().filter(|line| line.method == method && line.name != "batch").count()
    }

    /// Codes of what failed.
    pub fn failures(&self) -> Vec<String> {
        self.memory.failures.values().map(|failure| failure.code.clone()).collect()
    }

    /// Nothing is written any more, however often it looks.
    pub fn rests(&mut self) {
        self.poll();
        self.poll();
        let count = |world: &Self| world.microsoft.counters().writes;
        let (before, revisions) = (count(self), self.memory.feed.len());
        for _ in 0..3 {
            self.poll();
        }
        assert_eq!((count(self), self.memory.feed.len()), (before, revisions), "{:#?}", self.microsoft.log());
        assert!(self.memory.queue.is_empty(), "{:#?}", self.memory.queue);
    }
}

/// A local event of an hour in Berlin.
pub fn meeting(uid: &str, title: &str, start: &str) -> Value {
    json!({"uid": uid, "title": title, "start": start, "timeZone": "Europe/Berlin", "duration": "PT1H"})
}

/// The same at Microsoft.
pub fn outlook_meeting(subject: &str, start: &str, end: &str) -> Value {
    let at = |text| json!({"dateTime": text, "timeZone": "W. Europe Standard Time"});
    json!({"subject": subject, "start": at(start), "end": at(end)})
}

impl World {
    fn read<T>(&mut self, read: impl FnOnce(&Memory) -> T) -> Stored<T> {
        if self.act() { Ok(read(&self.memory)) } else { Err(StorageError::Unavailable) }
    }

    fn act(&mut self) -> bool {
        match &mut self.left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

impl Effects for World {
    fn now_ms(&mut self) -> TimeMs {
        u64::try_from(self.clock.now_ms()).unwrap()
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random
    }

    fn settings(&mut self) -> Settings {
        self.settings.clone()
    }

    fn exchange(&mut self, request: Request) -> Result<Response, TransportError> {
        if !self.act() {
            return Err(TransportError::NoAnswer);
        }
        self.sent += 1;
        let sim = to_simulator(request);
        let answer = self.microsoft.handle(&sim);
        if std::env::var_os("TANDEM_TRACE").is_some() {
            let sent = String::from_utf8_lossy(&sim.body).into_owned();
            eprintln!("TRACE {} {} {sent} -> {:?} {}", sim.method, sim.url, answer.status(), answer.json());
        }
        from_simulator(answer)
    }

    fn authorization(&mut self, _connection: &str) -> Result<String, AuthError> {
        Ok("Bearer token".into())
    }

    fn refresh(&mut self, _connection: &str) -> Result<String, AuthError> {
        self.refreshes += 1;
        Ok("Bearer token".into())
    }

    fn accept(&mut self, marks: Vec<Mark>) -> Stored<Vec<MarkOutcome>> {
        if self.act() { Ok(self.memory.accept(&marks)) } else { Err(StorageError::Unavailable) }
    }

    fn load_replica(&mut self, replica: &str) -> Stored<Option<Replica>> {
        self.read(|memory| memory.replica(replica))
    }

    reads!();

    fn commit(&mut self, batch: Batch) -> Stored<()> {
        if self.act() { self.memory.commit(batch) } else { Err(StorageError::Unavailable) }
    }
}
