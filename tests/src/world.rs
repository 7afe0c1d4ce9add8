//! A calendar of an application, its replicas at the simulated providers, and virtual time.

mod calls;
mod effects;
mod weather;

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Edit, EditError, Scope};
use tandem_engine::effects::{
    AuthError, ConflictPolicy, Connection, EventRow, ProviderKind, Replica, ReplicaMode, Settings, Stored,
    TransportError,
};
use tandem_engine::sync::{self, Outcome, StepError};
use tandem_engine::time::BundledZones;
use tandem_engine::webhooks::Notice;
use tandem_providers::google::{Config, Google};
use tandem_providers::microsoft::{self, Microsoft};
use tandem_providers::{ManualClock, Notification};

pub use calls::EngineKind;
pub use weather::Weather;

use crate::component::Mirror;
use crate::memory::Memory;
use crate::simulation::Observer;
use crate::simulation::history::Side;
use crate::simulation::marks::Mark;
use crate::simulation::people::{Text, Visit};

/// The account at Google; its primary calendar has this id.
pub const ACCOUNT: &str = "ada@example.com";
/// The local calendar.
pub const CALENDAR: &str = "work";
/// The replica at Google.
pub const REPLICA: &str = "work-google";
/// The replica at Microsoft.
pub const OUTLOOK: &str = "work-outlook";
/// The host of Microsoft's API in worlds.
pub(crate) const GRAPH: &str = "graph.invalid";
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
    /// Google. Without a replica there it is never asked.
    pub google: Google,
    /// Microsoft, likewise.
    pub microsoft: Microsoft,
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
    /// What goes wrong around the engine.
    pub weather: Weather,
    /// The edit that was tried in the middle of a step.
    pub visit: Option<Visit>,
    /// Texts that people wrote or took away, and where: they may take that back.
    pub(crate) wrote: Vec<(Side, Text)>,
    /// Who watches the engine's boundary, if anybody does.
    pub observer: Option<Box<Observer>>,
    /// Requests that left so far, in their order.
    pub sent: Vec<Sent>,
    /// SQLite, which is asked everything too. Only the component asks it.
    pub(crate) mirror: Option<Mirror>,
    /// What the store said to the last commit that reached it.
    pub(crate) committed: Option<Stored<()>>,
    random: u64,
    /// No other world of this program has it.
    pub(crate) number: u64,
}

/// Worlds so far.
static WORLDS: AtomicU64 = AtomicU64::new(0);

/// Which providers a world has, and their rules. A provider without rules has no replica.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// Google's rules.
    pub google: Option<Config>,
    /// Microsoft's rules.
    pub microsoft: Option<microsoft::Config>,
}

impl Sides {
    /// Google alone, with channels to an address that no server has.
    #[must_use]
    pub fn google() -> Self {
        Self { google: Some(Config { allow_http_webhooks: true, ..Config::default() }), microsoft: None }
    }

    /// Microsoft alone.
    #[must_use]
    pub fn microsoft() -> Self {
        let config = microsoft::Config { allow_http_webhooks: true, ..microsoft::Config::default() };
        Self { google: None, microsoft: Some(config) }
    }

    /// One calendar with a replica at each.
    #[must_use]
    pub fn both() -> Self {
        Self { google: Self::google().google, microsoft: Self::microsoft().microsoft }
    }
}

impl World {
    /// A world with an empty calendar in two-way mode, at Google.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Sides::google(), ReplicaMode::TwoWay, ConflictPolicy::Newest)
    }

    /// A world at Google with its own rules.
    #[must_use]
    pub fn with(config: Config, mode: ReplicaMode, policy: ConflictPolicy) -> Self {
        Self::of(Sides { google: Some(config), microsoft: None }, mode, policy)
    }

    /// A world with an empty calendar and a replica at each of its sides.
    #[must_use]
    pub fn of(sides: Sides, mode: ReplicaMode, policy: ConflictPolicy) -> Self {
        let clock = ManualClock::at(BEGINNING_MS);
        let google = Google::new(sides.google.clone().unwrap_or_default(), std::sync::Arc::new(clock.clone()));
        google.add_account(ACCOUNT, "Europe/Berlin");
        google.grant_access(ACCOUNT, "token", i64::MAX / 4);
        let config = sides.microsoft.clone().unwrap_or_default();
        let microsoft = Microsoft::new(config, std::sync::Arc::new(clock.clone()));
        let outlook = microsoft.add_account(ACCOUNT, "W. Europe Standard Time");
        microsoft.grant_access(ACCOUNT, "token", i64::MAX / 4);
        let mut memory = Memory::default();
        let mut add = |id: &str, connection: &str, provider, remote_calendar: &str| {
            let connection =
                Connection { id: connection.into(), provider, revoked: false, not_before_ms: 0, attempts: 0 };
            let replica = Replica {
                id: id.into(),
                tenant: "acme".into(),
                connection: connection.clone(),
                calendar: CALENDAR.into(),
                remote_calendar: remote_calendar.into(),
                mode,
                policy,
                state: String::new(),
                revision: 0,
                wanted: 0,
                lease_epoch: 0,
            };
            memory.connections.insert(connection.id.clone(), connection);
            memory.replicas.insert(replica.id.clone(), replica);
        };
        if sides.google.is_some() {
            add(REPLICA, "ada", ProviderKind::Google, ACCOUNT);
        }
        if sides.microsoft.is_some() {
            add(OUTLOOK, "ada-outlook", ProviderKind::Microsoft, &outlook);
        }
        let settings = Settings {
            webhook_url: Some("http://127.0.0.1:9/webhooks".into()),
            signing_key: b"0123456789abcdef0123456789abcdef".to_vec(),
            google_base_url: Some("https://sim.invalid/calendar/v3".into()),
            microsoft_base_url: Some(format!("https://{GRAPH}/v1.0")),
            poll_interval_s: 60,
            safety_poll_interval_s: 3_600,
            page_size: 250,
        };
        Self {
            engine: EngineKind::chosen(),
            clock,
            google,
            microsoft,
            memory,
            zones: BundledZones::new(),
            settings,
            effects: 0,
            dies_after: None,
            notified: Vec::new(),
            grant: Ok(()),
            refreshes: 0,
            stopped: None,
            weather: Weather::default(),
            visit: None,
            wrote: Vec::new(),
            observer: None,
            sent: Vec::new(),
            mirror: None,
            committed: None,
            random: 0,
            number: WORLDS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Whether the process died.
    pub(crate) fn is_dead(&self) -> bool {
        self.dies_after.is_some_and(|last| self.effects >= last)
    }

    /// Now, as the host's clock says.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        use tandem_providers::Clock as _;
        u64::try_from(self.clock.now_ms() + self.weather.ahead_ms).unwrap_or(0)
    }

    /// Deliver pushes that are due; their answers are kept in `notified`.
    pub fn deliver(&mut self) {
        let now_ms = self.providers_now_ms();
        for notification in self.google.take_notifications(now_ms) {
            let status = self.notify(ProviderKind::Google, &notification);
            self.google.notification_answered(notification, Some(status));
        }
        for notification in self.microsoft.take_notifications(now_ms) {
            let status = self.notify(ProviderKind::Microsoft, &notification);
            self.microsoft.notification_answered(notification, Some(status));
        }
    }

    /// Now, as everybody else's clock says.
    pub(crate) fn providers_now_ms(&self) -> i64 {
        use tandem_providers::Clock as _;
        self.clock.now_ms()
    }

    fn notify(&mut self, provider: ProviderKind, notification: &Notification) -> u16 {
        let Notification { address, headers, body, .. } = notification;
        let notice = notice(provider, address, headers, body);
        let status = self.receive(&notice).status;
        self.notified.push(status);
        if let (200..300, Some(observer)) = (status, &mut self.observer) {
            observer.marks.reach(Mark::PushReceived);
        }
        status
    }

    /// Step every replica until nothing is to be done now: pushes are delivered, retries are waited for in virtual
    /// time. Returns the last outcome: idle until the earliest time of all, or why one of them paused.
    ///
    /// # Errors
    /// When the process died, or a defect of the engine.
    pub fn settle(&mut self) -> Result<Outcome, StepError> {
        let replicas: Vec<String> = self.memory.replicas.keys().cloned().collect();
        for _ in 0..STEPS {
            self.deliver();
            let (mut again, mut retry_ms, mut idle_ms) = (false, None::<u64>, u64::MAX);
            let commits = self.memory.commits;
            for replica in &replicas {
                match self.leased_step(replica)?.outcome {
                    Outcome::Again => again = true,
                    Outcome::Idle(at_ms) => idle_ms = idle_ms.min(at_ms),
                    Outcome::Retry { at_ms, .. } => retry_ms = Some(retry_ms.map_or(at_ms, |ms| ms.min(at_ms))),
                    Outcome::Paused(why) => return Ok(Outcome::Paused(why)),
                }
            }
            // What one replica brought, another may have to write.
            again |= replicas.len() > 1 && self.memory.commits != commits && !self.memory.queue.is_empty();
            if again {
                continue;
            }
            if let Some(at_ms) = retry_ms {
                let now_ms = self.now_ms();
                self.clock.advance(i64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(i64::MAX).max(1));
                continue;
            }
            let pushes = [self.google.next_notification_at(), self.microsoft.next_notification_at()];
            let waits = pushes.iter().any(Option::is_some);
            let wanted = replicas.iter().filter_map(|id| self.memory.replica(id)).any(|replica| !served(&replica));
            if !waits && !wanted {
                return Ok(Outcome::Idle(idle_ms));
            }
            self.clock.advance(1_000);
        }
        Err(StepError::Bug("it never settles".into()))
    }

    /// Settle, in a process that may die meanwhile: what is dead reads nothing, writes nothing and hears nothing. True when
    /// the work ended before it died.
    ///
    /// # Panics
    /// When the death shows as anything else than an unavailable store.
    pub fn settle_unless_dead(&mut self) -> bool {
        match self.settle() {
            Ok(_) => self.dies_after.is_some_and(|last| self.effects < last),
            Err(StepError::Unavailable) => false,
            Err(other) => panic!("a crash shows as an unavailable store, not as {other}"),
        }
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

fn served(replica: &Replica) -> bool {
    sync::state::State::parse(&replica.state).pulled_wanted >= replica.wanted
}

/// A notification as it comes in at the webhook server.
pub(crate) fn notice(provider: ProviderKind, url: &str, headers: &[(String, String)], body: &[u8]) -> Notice {
    let query = url.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    Notice { provider, query, headers: headers.to_vec(), body: body.to_vec() }
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
