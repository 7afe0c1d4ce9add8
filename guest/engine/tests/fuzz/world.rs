//! A calendar with a replica at each simulated provider, in which any answer can be replaced on its way.

use std::sync::Arc;

use serde_json::{Value, json};
use tandem_engine::editing::{self, Action, Applied, Edit, EditError, Scope};
use tandem_engine::effects::{
    AuthError, Batch, ConflictPolicy, Connection, Effects, Mark, MarkOutcome, Method, ProviderKind, Replica,
    ReplicaMode, Request, Response, Settings, Stored, TimeMs, TransportError,
};
use tandem_engine::sync::state::State;
use tandem_engine::sync::{self, Outcome};
use tandem_engine::time::BundledZones;
use tandem_providers::google::{self, Google};
use tandem_providers::microsoft::{self, Microsoft};
use tandem_providers::{Clock as _, ManualClock};

use crate::memory::Memory;
use crate::memory::effects::{from_simulator, reads, to_simulator};
use crate::mutate::SECRET;

/// The account at both providers.
pub const ACCOUNT: &str = "ada@example.com";
/// The local calendar.
pub const CALENDAR: &str = "work";
/// The replica at Google.
pub const GOOGLE: &str = "work-google";
/// The replica at Microsoft.
pub const OUTLOOK: &str = "work-outlook";
/// Effects that one step may have: one page of 5 rows or 10 writes, each with its reads, looks and repetitions.
const STEP_EFFECTS: u64 = 600;
/// Steps until everything rests; more is a loop.
const STEPS: u32 = 400;

/// Replaces an answer: gets the request and what was answered.
pub type Tamper = Box<dyn FnMut(&Request, Response) -> Response>;

/// See the module.
pub struct World {
    pub clock: ManualClock,
    pub google: Google,
    pub microsoft: Microsoft,
    pub memory: Memory,
    pub zones: BundledZones,
    pub settings: Settings,
    pub tamper: Option<Tamper>,
    /// Effects so far.
    pub effects: u64,
    /// Requests that change something.
    pub writes: u64,
    random: u64,
}

impl World {
    /// An empty calendar with these replicas, at 2026-03-02T08:00:00Z, a Monday.
    pub fn new(replicas: &[&str]) -> Self {
        let clock = ManualClock::at(1_772_438_400_000);
        let config = google::Config { allow_http_webhooks: true, shuffle: Some(3), ..google::Config::default() };
        let google = Google::new(config, Arc::new(clock.clone()));
        google.add_account(ACCOUNT, "Europe/Berlin");
        google.grant_access(ACCOUNT, "token", i64::MAX / 4);
        let config =
            microsoft::Config { allow_http_webhooks: true, trust_webhooks: true, ..microsoft::Config::default() };
        let microsoft = Microsoft::new(config, Arc::new(clock.clone()));
        let outlook = microsoft.add_account(ACCOUNT, "W. Europe Standard Time");
        microsoft.grant_access(ACCOUNT, "token", i64::MAX / 4);
        let mut memory = Memory::default();
        for replica in replicas {
            let (provider, remote_calendar) = match *replica {
                GOOGLE => (ProviderKind::Google, ACCOUNT.to_owned()),
                _ => (ProviderKind::Microsoft, outlook.clone()),
            };
            add_replica(&mut memory, replica, provider, remote_calendar);
        }
        let settings = Settings {
            webhook_url: Some("http://127.0.0.1:9/webhooks".into()),
            signing_key: b"0123456789abcdef0123456789abcdef".to_vec(),
            google_base_url: Some("https://google.invalid/calendar/v3".into()),
            microsoft_base_url: Some("https://sim.invalid/v1.0".into()),
            poll_interval_s: 60,
            safety_poll_interval_s: 3_600,
            page_size: 5,
        };
        Self {
            clock,
            google,
            microsoft,
            memory,
            zones: BundledZones::new(),
            settings,
            tamper: None,
            effects: 0,
            writes: 0,
            random: 0,
        }
    }

    /// One step, within its bound of work.
    pub fn step(&mut self, replica: &str) -> Outcome {
        let (effects, zones) = (self.effects, std::mem::take(&mut self.zones));
        let report = sync::step(self, &zones, replica);
        self.zones = zones;
        let spent = self.effects - effects;
        assert!(spent <= STEP_EFFECTS, "a step had {spent} effects");
        // Nothing is wrong with the store, so any error is a defect.
        report.unwrap_or_else(|error| panic!("a step ended with {error:?}")).outcome
    }

    /// Step all replicas until nothing is to be done now, in virtual time. The last outcome of the last replica that has
    /// something to say: paused, or idle.
    pub fn settle(&mut self) -> Outcome {
        let replicas: Vec<String> = self.memory.replicas.keys().cloned().collect();
        for _ in 0..STEPS {
            let commits = self.memory.commits;
            let (mut again, mut retry_ms, mut end) = (false, None::<u64>, Outcome::Idle(0));
            for replica in &replicas {
                match self.step(replica) {
                    Outcome::Again => again = true,
                    Outcome::Retry { at_ms, .. } => retry_ms = Some(retry_ms.map_or(at_ms, |ms| ms.min(at_ms))),
                    Outcome::Idle(_) => {}
                    paused @ Outcome::Paused(_) => end = paused,
                }
            }
            match retry_ms {
                _ if again || (replicas.len() > 1 && self.memory.commits != commits) => {}
                Some(at_ms) if self.can_wait(at_ms) => self.wait_until(at_ms),
                _ => return end,
            }
        }
        panic!("it does not settle: {:#?}", self.memory.updates);
    }

    /// Whether a time is near enough that simulators have dates for it; a provider may ask for a pause of centuries.
    pub fn can_wait(&self, at_ms: u64) -> bool {
        at_ms < self.now() + 90 * 86_400_000
    }

    pub fn wait_until(&mut self, at_ms: u64) {
        self.clock.set(i64::try_from(at_ms.max(self.now() + 1)).unwrap());
    }

    pub fn now(&self) -> u64 {
        u64::try_from(self.clock.now_ms()).unwrap()
    }

    pub fn state(&self, replica: &str) -> State {
        State::parse(&self.memory.replica(replica).unwrap().state)
    }

    pub fn apply(&mut self, edit: &Edit) -> Result<Applied, EditError> {
        let zones = std::mem::take(&mut self.zones);
        let applied = editing::apply(self, &zones, edit);
        self.zones = zones;
        applied
    }

    /// An edit that has to work.
    pub fn edit(&mut self, uid: Option<&str>, action: Action) {
        self.apply(&edit_of(uid, action)).unwrap();
    }

    /// What people are told must not repeat what is in their events.
    pub fn tells_no_secrets(&self) {
        for failure in self.memory.failures.values() {
            assert!(!failure.detail.contains(SECRET), "{failure:?}");
            // Behind its name stands the provider's own word for the reason.
            let own = !failure.code.starts_with("google-") && !failure.code.starts_with("microsoft-");
            assert!(!own || !failure.code.contains(SECRET), "{failure:?}");
        }
        for update in self.memory.updates.values() {
            assert!(!update.reason.contains(SECRET), "{update:?}");
        }
    }
}

fn add_replica(memory: &mut Memory, id: &str, provider: ProviderKind, remote_calendar: String) {
    let connection = Connection { id: format!("ada-{id}"), provider, revoked: false, not_before_ms: 0, attempts: 0 };
    let replica = Replica {
        id: id.into(),
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
    memory.connections.insert(connection.id.clone(), connection);
    memory.replicas.insert(replica.id.clone(), replica);
}

/// An edit of a whole event.
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

/// A local series with everything that documents usually have.
pub fn rich(uid: &str) -> Value {
    json!({
        "@type": "Event", "uid": uid, "title": format!("{SECRET} weekly"), "description": format!("{SECRET} notes"),
        "start": "2026-03-03T09:00:00", "timeZone": "Europe/Berlin", "duration": "PT1H",
        "recurrenceRules": [{"@type": "RecurrenceRule", "frequency": "weekly", "count": 8,
            "byDay": [{"@type": "NDay", "day": "tu"}]}],
        "recurrenceOverrides": {
            "2026-03-10T09:00:00": {"start": "2026-03-10T11:00:00"},
            "2026-03-17T09:00:00": {"excluded": true},
            "2026-03-24T09:00:00": {"title": format!("{SECRET} special")},
        },
        "locations": {"1": {"@type": "Location", "name": format!("{SECRET} room")}},
        "participants": {"p1": {"@type": "Participant", "name": SECRET, "sendTo": {"imip": "mailto:bob@example.com"},
            "roles": {"attendee": true}, "participationStatus": "accepted"}},
        "alerts": {"a": {"@type": "Alert", "trigger": {"@type": "OffsetTrigger", "offset": "-PT15M"}}},
        "virtualLocations": {"v": {"@type": "VirtualLocation", "uri": "https://meet.example.com/1"}},
        "keywords": {"red": true}, "priority": 1, "privacy": "private", "freeBusyStatus": "busy", "color": "red",
    })
}

impl World {
    fn read<T>(&mut self, read: impl FnOnce(&Memory) -> T) -> Stored<T> {
        self.effects += 1;
        Ok(read(&self.memory))
    }
}

impl Effects for World {
    fn now_ms(&mut self) -> TimeMs {
        self.now()
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random
    }

    fn settings(&mut self) -> Settings {
        self.settings.clone()
    }

    fn exchange(&mut self, request: Request) -> Result<Response, TransportError> {
        self.effects += 1;
        self.writes += u64::from(is_write(&request));
        let sim = to_simulator(request.clone());
        let answer = match sim.url.starts_with("https://google.invalid/") {
            true => self.google.handle(&sim),
            false => self.microsoft.handle(&sim),
        };
        let response = from_simulator(answer)?;
        let response = match &mut self.tamper {
            Some(tamper) => tamper(&request, response),
            None => response,
        };
        if std::env::var_os("TANDEM_TRACE").is_some() {
            let (sent, got) = (String::from_utf8_lossy(&sim.body), String::from_utf8_lossy(&response.body));
            eprintln!("TRACE {} {} {} {sent} -> {} {got}", self.now(), sim.method, sim.url, response.status);
        }
        Ok(response)
    }

    fn authorization(&mut self, _connection: &str) -> Result<String, AuthError> {
        Ok("Bearer token".into())
    }

    fn refresh(&mut self, _connection: &str) -> Result<String, AuthError> {
        Ok("Bearer token".into())
    }

    fn accept(&mut self, marks: Vec<Mark>) -> Stored<Vec<MarkOutcome>> {
        self.effects += 1;
        Ok(self.memory.accept(&marks))
    }

    fn load_replica(&mut self, replica: &str) -> Stored<Option<Replica>> {
        self.read(|memory| memory.replica(replica))
    }

    reads!();

    fn commit(&mut self, batch: Batch) -> Stored<()> {
        self.effects += 1;
        let traced = std::env::var_os("TANDEM_TRACE").is_some().then(|| format!("{:?}", batch.expectations));
        let done = self.memory.commit(batch);
        if let Some(expected) = traced.filter(|_| done.is_err()) {
            eprintln!("TRACE {} not committed: {expected}", self.now());
        }
        done
    }
}

/// Whether a request changes an event. Batches only read; channels are no events.
pub fn is_write(request: &Request) -> bool {
    let other = ["/$batch", "/subscriptions", "/watch", "/channels/stop"];
    request.method != Method::Get && !other.iter().any(|part| request.url.contains(part))
}
