//! A calendar of an application, its replica at the simulated Google, and virtual time.

mod calls;
mod effects;

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Edit, EditError, Scope};
use tandem_engine::effects::{
    AuthError, ConflictPolicy, Connection, EventRow, ProviderKind, Replica, ReplicaMode, Settings, TransportError,
};
use tandem_engine::sync::{self, Outcome, StepError};
use tandem_engine::time::BundledZones;
use tandem_engine::webhooks::Notice;
use tandem_providers::ManualClock;
use tandem_providers::google::{Config, Google};

pub use calls::EngineKind;

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

/// A request that left the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `GET`, `POST`, ...
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// See the module.
pub struct World {
    /// What does the work; see [`EngineKind::chosen`].
    pub engine: EngineKind,
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
    /// Every request is stopped with this error before it leaves; none: they reach the provider.
    pub stopped: Option<TransportError>,
    /// Requests that left so far, in their order.
    pub sent: Vec<Sent>,
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
            engine: EngineKind::chosen(),
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
            stopped: None,
            sent: Vec::new(),
            random: 0,
        }
    }

    /// Now.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        use tandem_providers::Clock as _;
        u64::try_from(self.clock.now_ms()).unwrap_or(0)
    }

    /// Deliver pushes that are due; their answers are kept in `notified`.
    pub fn deliver(&mut self) {
        let now_ms = i64::try_from(self.now_ms()).unwrap_or(i64::MAX);
        for notification in self.google.take_notifications(now_ms) {
            let (headers, body) = (notification.headers.clone(), notification.body.clone());
            let notice = Notice { provider: ProviderKind::Google, query: String::new(), headers, body };
            let answer = self.receive(&notice);
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
