//! A calendar of an application, its replica at the simulated Google, and virtual time.

use serde_json::{Value, json};
use tandem_engine::editing::{self, Action, Edit, EditError, Scope};
use tandem_engine::effects::{
    AuthError, Batch, Channel, ConflictPolicy, ConflictRow, Connection, Effects, EventRow, Mark, MarkOutcome, Method,
    Orphan, ProviderKind, PushQueuePage, Replica, ReplicaMode, ReplicaSummary, Request, Response, Settings, Shadow,
    ShadowCount, StorageError, Stored, TimeMs, TransportError,
};
use tandem_engine::sync::{self, Outcome, Report, StepError};
use tandem_engine::time::BundledZones;
use tandem_engine::webhooks::{self, Answer, Notice};
use tandem_providers::google::{Config, Google};
use tandem_providers::{ManualClock, SimRequest, SimResponse};

use crate::memory::Memory;

/// The account at Google; its primary calendar has this id.
pub const ACCOUNT: &str = "ada@example.com";
/// The local calendar.
pub const CALENDAR: &str = "work";
/// The replica.
pub const REPLICA: &str = "work-google";
/// When the world begins: 2026-03-02T08:00:00Z, a Monday.
pub const BEGINNING_MS: i64 = 1_772_438_400_000;
/// Steps after which a replica counts as stuck.
const STEPS: u32 = 20_000;

/// See the module.
pub struct World {
    /// The time of everything.
    pub clock: ManualClock,
    /// The provider.
    pub google: Google,
    /// The store.
    pub memory: Memory,
    /// Zone rules.
    pub zones: BundledZones,
    /// What the component is told.
    pub settings: Settings,
    /// Effects so far.
    pub effects: u64,
    /// The process dies after this many effects; none: never.
    pub dies_after: Option<u64>,
    /// Notifications that were answered with these statuses.
    pub notified: Vec<u16>,
    /// What the token endpoint says when it is asked to refresh.
    pub grant: Result<(), AuthError>,
    /// How often it was asked.
    pub refreshes: u32,
    random: u64,
}

impl World {
    /// A world with an empty calendar in two-way mode.
    #[must_use]
    pub fn new() -> Self {
        Self::with(
            Config { allow_http_webhooks: true, ..Config::default() },
            ReplicaMode::TwoWay,
            ConflictPolicy::Newest,
        )
    }

    /// A world with its own rules.
    #[must_use]
    pub fn with(config: Config, mode: ReplicaMode, policy: ConflictPolicy) -> Self {
        let clock = ManualClock::at(BEGINNING_MS);
        let google = Google::new(config, std::sync::Arc::new(clock.clone()));
        google.add_account(ACCOUNT, "Europe/Berlin");
        google.grant_access(ACCOUNT, "token", i64::MAX / 4);
        let connection = Connection {
            id: "ada".into(),
            provider: ProviderKind::Google,
            revoked: false,
            not_before_ms: 0,
            attempts: 0,
        };
        let replica = Replica {
            id: REPLICA.into(),
            tenant: "acme".into(),
            connection: connection.clone(),
            calendar: CALENDAR.into(),
            remote_calendar: ACCOUNT.into(),
            mode,
            policy,
            state: String::new(),
            revision: 0,
            wanted: 0,
            lease_epoch: 0,
        };
        let mut memory = Memory::default();
        memory.connections.insert(connection.id.clone(), connection);
        memory.replicas.insert(replica.id.clone(), replica);
        let settings = Settings {
            webhook_url: Some("http://127.0.0.1:9/webhooks".into()),
            signing_key: b"0123456789abcdef0123456789abcdef".to_vec(),
            google_base_url: Some("https://sim.invalid/calendar/v3".into()),
            microsoft_base_url: None,
            poll_interval_s: 60,
            safety_poll_interval_s: 3_600,
            page_size: 250,
        };
        Self {
            clock,
            google,
            memory,
            zones: BundledZones::new(),
            settings,
            effects: 0,
            dies_after: None,
            notified: Vec::new(),
            grant: Ok(()),
            refreshes: 0,
            random: 0,
        }
    }

    /// Now.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        use tandem_providers::Clock as _;
        u64::try_from(self.clock.now_ms()).unwrap_or(0)
    }

    /// One step.
    ///
    /// # Errors
    /// When the process died, or as the engine says.
    pub fn step(&mut self) -> Result<Report, StepError> {
        self.step_of(REPLICA)
    }

    /// One step of a replica.
    ///
    /// # Errors
    /// As [`World::step`].
    pub fn step_of(&mut self, replica: &str) -> Result<Report, StepError> {
        let zones = std::mem::take(&mut self.zones);
        let report = sync::step(self, &zones, replica);
        self.zones = zones;
        report
    }

    /// Deliver pushes that are due; their answers are kept in `notified`.
    pub fn deliver(&mut self) {
        let now_ms = i64::try_from(self.now_ms()).unwrap_or(i64::MAX);
        for notification in self.google.take_notifications(now_ms) {
            let notice = Notice { provider: ProviderKind::Google, headers: notification.headers.clone() };
            let answer: Answer = webhooks::receive(self, &notice);
            self.notified.push(answer.status);
            self.google.notification_answered(notification, Some(answer.status));
        }
    }

    /// Step until nothing is to be done now: pushes are delivered, retries are waited for in virtual time. Returns
    /// the last outcome.
    ///
    /// # Errors
    /// When the process died, or a defect of the engine.
    pub fn settle(&mut self) -> Result<Outcome, StepError> {
        for _ in 0..STEPS {
            self.deliver();
            match self.step()?.outcome {
                Outcome::Again => {}
                Outcome::Idle(at_ms) => {
                    let waits = self.google.next_notification_at().is_some();
                    let wanted = self.memory.replica(REPLICA).is_some_and(|replica| !self.served(&replica));
                    if !waits && !wanted {
                        return Ok(Outcome::Idle(at_ms));
                    }
                    self.clock.advance(1_000);
                }
                Outcome::Retry { at_ms, .. } => self.clock.set(i64::try_from(at_ms).unwrap_or(i64::MAX)),
                Outcome::Paused(why) => return Ok(Outcome::Paused(why)),
            }
        }
        Err(StepError::Bug("it never settles".into()))
    }

    fn served(&self, replica: &Replica) -> bool {
        sync::state::State::parse(&replica.state).pulled_wanted >= replica.wanted
    }

    /// Let time pass to the next safety poll, and settle.
    ///
    /// # Errors
    /// As [`World::settle`].
    pub fn poll(&mut self) -> Result<Outcome, StepError> {
        self.clock.advance(2 * 3_600_000);
        self.settle()
    }

    /// An edit by the application.
    ///
    /// # Errors
    /// As [`editing::apply`].
    pub fn edit(&mut self, edit: &Edit) -> Result<EventRow, EditError> {
        let zones = std::mem::take(&mut self.zones);
        let applied = editing::apply(self, &zones, edit);
        self.zones = zones;
        applied.map(|applied| applied.event)
    }

    /// Create an event locally.
    ///
    /// # Errors
    /// As [`editing::apply`].
    pub fn create(&mut self, document: &Value) -> Result<EventRow, EditError> {
        self.edit(&edit_of(None, Action::Create(document.to_string())))
    }

    /// Patch an event locally.
    ///
    /// # Errors
    /// As [`editing::apply`].
    pub fn patch(&mut self, uid: &str, patch: &Value) -> Result<EventRow, EditError> {
        self.edit(&edit_of(Some(uid), Action::Patch(patch.to_string())))
    }

    /// Delete an event locally.
    ///
    /// # Errors
    /// As [`editing::apply`].
    pub fn delete(&mut self, uid: &str) -> Result<EventRow, EditError> {
        self.edit(&edit_of(Some(uid), Action::Delete))
    }

    /// Live local events.
    #[must_use]
    pub fn local(&self) -> Vec<&EventRow> {
        self.memory.events.values().filter(|row| !row.deleted).collect()
    }

    /// The local event with this title; titles are unique in tests.
    #[must_use]
    pub fn titled(&self, title: &str) -> Option<(EventRow, Value)> {
        self.local().into_iter().find_map(|row| {
            let document: Value = serde_json::from_str(&row.document).ok()?;
            (document["title"] == title).then(|| (row.clone(), document))
        })
    }

    fn act(&mut self) -> bool {
        if self.dies_after.is_some_and(|last| self.effects >= last) {
            return false;
        }
        self.effects += 1;
        true
    }

    fn read<T>(&mut self, read: impl FnOnce(&Memory) -> T) -> Stored<T> {
        if self.act() { Ok(read(&self.memory)) } else { Err(StorageError::Unavailable) }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// An edit of a whole event.
#[must_use]
pub fn edit_of(uid: Option<&str>, action: Action) -> Edit {
    Edit {
        calendar: CALENDAR.into(),
        uid: uid.map(str::to_owned),
        recurrence_id: None,
        scope: Scope::All,
        expected_revision: None,
        action,
        notify_attendees: false,
    }
}

/// A local event of an hour in Berlin.
#[must_use]
pub fn meeting(uid: &str, title: &str, start: &str) -> Value {
    json!({"uid": uid, "title": title, "start": start, "timeZone": "Europe/Berlin", "duration": "PT1H"})
}

/// The same at Google.
#[must_use]
pub fn google_meeting(title: &str, start: &str, end: &str) -> Value {
    json!({
        "summary": title,
        "start": {"dateTime": start, "timeZone": "Europe/Berlin"},
        "end": {"dateTime": end, "timeZone": "Europe/Berlin"},
    })
}

impl Effects for World {
    fn now_ms(&mut self) -> TimeMs {
        World::now_ms(self)
    }

    fn random(&mut self) -> u64 {
        // splitmix64: the same numbers in every run.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn settings(&mut self) -> Settings {
        self.settings.clone()
    }

    fn exchange(&mut self, request: Request) -> Result<Response, TransportError> {
        if !self.act() {
            return Err(TransportError::NoAnswer);
        }
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        };
        let sim = SimRequest { method: method.into(), url: request.url, headers: request.headers, body: request.body };
        let traced = std::env::var_os("TANDEM_TRACE")
            .is_some()
            .then(|| format!("{method} {} {}", sim.url, String::from_utf8_lossy(&sim.body)));
        let answer = self.google.handle(&sim);
        if let Some(traced) = traced {
            eprintln!("TRACE {} {traced} -> {:?} {}", World::now_ms(self), answer.status(), answer.json());
        }
        match answer {
            SimResponse::Answer(answer) => {
                Ok(Response { status: answer.status, headers: answer.headers, body: answer.body })
            }
            SimResponse::NoAnswer => Err(TransportError::NoAnswer),
        }
    }

    fn authorization(&mut self, _connection: &str) -> Result<String, AuthError> {
        Ok("Bearer token".into())
    }

    fn refresh(&mut self, _connection: &str) -> Result<String, AuthError> {
        self.refreshes += 1;
        self.grant?;
        self.google.grant_access(ACCOUNT, "token", i64::MAX / 4);
        Ok("Bearer token".into())
    }

    fn accept(&mut self, marks: Vec<Mark>) -> Stored<Vec<MarkOutcome>> {
        if self.act() { Ok(self.memory.accept(&marks)) } else { Err(StorageError::Unavailable) }
    }

    fn load_replica(&mut self, replica: &str) -> Stored<Option<Replica>> {
        self.read(|memory| memory.replica(replica))
    }

    fn calendar_replicas(&mut self, calendar: &str) -> Stored<Vec<ReplicaSummary>> {
        self.read(|memory| memory.calendar_replicas(calendar))
    }

    fn events(&mut self, calendar: &str, uids: Vec<String>) -> Stored<Vec<Option<EventRow>>> {
        self.read(|memory| memory.events_by_uid(calendar, &uids))
    }

    fn events_between(
        &mut self,
        calendar: &str,
        from_ms: TimeMs,
        to_ms: TimeMs,
        after: Option<(TimeMs, String)>,
        limit: u32,
    ) -> Stored<Vec<EventRow>> {
        self.read(|memory| memory.between(calendar, from_ms, to_ms, after.as_ref(), limit))
    }

    fn shadows_by_remote(&mut self, replica: &str, remote_ids: Vec<String>) -> Stored<Vec<Option<Shadow>>> {
        self.read(|memory| memory.by_remote(replica, &remote_ids))
    }

    fn shadows_by_uid(&mut self, replica: &str, uids: Vec<String>) -> Stored<Vec<Option<Shadow>>> {
        self.read(|memory| memory.by_uid(replica, &uids))
    }

    fn unseen_shadows(
        &mut self,
        replica: &str,
        generation: u64,
        after: Option<String>,
        limit: u32,
    ) -> Stored<Vec<Shadow>> {
        self.read(|memory| memory.unseen(replica, generation, after.as_deref(), limit))
    }

    fn count_shadows(&mut self, replica: &str, generation: u64) -> Stored<ShadowCount> {
        self.read(|memory| memory.count(replica, generation))
    }

    fn push_queue(&mut self, replica: &str, now_ms: TimeMs, limit: u32) -> Stored<PushQueuePage> {
        self.read(|memory| memory.push_queue(replica, now_ms, limit))
    }

    fn orphans(&mut self, replica: &str, masters: Option<Vec<String>>, limit: u32) -> Stored<Vec<Orphan>> {
        self.read(|memory| memory.orphans_of(replica, masters.as_deref(), limit))
    }

    fn channels(&mut self, replica: &str) -> Stored<Vec<Channel>> {
        self.read(|memory| memory.channels.values().filter(|channel| channel.replica == replica).cloned().collect())
    }

    fn load_conflict(&mut self, conflict: &str) -> Stored<Option<ConflictRow>> {
        self.read(|memory| memory.conflicts.get(conflict).cloned())
    }

    fn commit(&mut self, batch: Batch) -> Stored<()> {
        if self.act() { self.memory.commit(batch) } else { Err(StorageError::Unavailable) }
    }
}
