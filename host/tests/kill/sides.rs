//! The providers, on loopback in this process, and what a person sees there.

use std::sync::Arc;

use serde_json::{Value, json};
use tandem_providers::google::{self, Google};
use tandem_providers::microsoft::{self, Microsoft};
use tandem_providers::{Server, SystemClock};

/// Events of each account at the beginning.
const EVENTS: usize = 40;
/// Tries of a push: more than there are kills within its pauses.
const PUSH_ATTEMPTS: u32 = 60;

/// Where an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Provider {
    Google,
    Microsoft,
}

/// A local calendar and the accounts that it is kept the same with.
pub(crate) struct Calendar {
    pub(crate) id: &'static str,
    pub(crate) replicas: &'static [(Provider, &'static str)],
}

/// One with both providers, and one with each.
pub(crate) const CALENDARS: [Calendar; 3] = [
    Calendar {
        id: "both",
        replicas: &[(Provider::Google, "ada@example.com"), (Provider::Microsoft, "ada@example.org")],
    },
    Calendar { id: "google", replicas: &[(Provider::Google, "bob@example.com")] },
    Calendar { id: "outlook", replicas: &[(Provider::Microsoft, "eve@example.org")] },
];

/// The access token of an account.
pub(crate) fn token(account: &str) -> String {
    format!("token-of-{account}")
}

pub(crate) struct Sides {
    pub(crate) google: Google,
    pub(crate) microsoft: Microsoft,
    pub(crate) google_url: String,
    pub(crate) microsoft_url: String,
    _servers: [Server; 2],
}

/// One event as a person sees it: its date and its title.
pub(crate) type Seen = (String, String);

impl Sides {
    pub(crate) async fn start() -> Self {
        let config =
            google::Config { allow_http_webhooks: true, push_attempts: PUSH_ATTEMPTS, ..google::Config::default() };
        let google = Google::new(config, Arc::new(SystemClock));
        let config = microsoft::Config { allow_http_webhooks: true, ..microsoft::Config::default() };
        let microsoft = Microsoft::new(config, Arc::new(SystemClock));
        for (provider, account) in CALENDARS.iter().flat_map(|calendar| calendar.replicas) {
            let title = |n| format!("{account} at the beginning {n}");
            match provider {
                Provider::Google => {
                    google.add_account(account, "Europe/Berlin");
                    google.grant_access(account, &token(account), i64::MAX / 4);
                    (0..EVENTS).for_each(|n| drop(google.user_insert(account, &google_event(&title(n), n)).unwrap()));
                }
                Provider::Microsoft => {
                    microsoft.add_account(account, "W. Europe Standard Time");
                    microsoft.grant_access(account, &token(account), i64::MAX / 4);
                    (0..EVENTS)
                        .for_each(|n| drop(microsoft.user_insert(account, &outlook_event(&title(n), n)).unwrap()));
                }
            }
        }
        let servers = [
            Server::start(Arc::new(google.clone()), 0).await.unwrap(),
            Server::start(Arc::new(microsoft.clone()), 0).await.unwrap(),
        ];
        let [google_url, microsoft_url] = [0, 1].map(|n: usize| servers[n].base_url());
        Self { google, microsoft, google_url, microsoft_url, _servers: servers }
    }

    /// Everything that is there, in order; twice what is there twice.
    pub(crate) fn seen(&self, provider: Provider, account: &str) -> Vec<Seen> {
        let truth = match provider {
            Provider::Google => self.google.truth(account),
            Provider::Microsoft => self.microsoft.truth(account),
        };
        let mut all: Vec<Seen> = truth.iter().map(|event| seen(provider, event)).collect();
        all.sort();
        all
    }

    /// Pushes that no webhook has acknowledged yet.
    pub(crate) fn pushes_wait(&self) -> bool {
        self.google.next_notification_at().is_some() || self.microsoft.next_notification_at().is_some()
    }

    /// Pushes that were acknowledged, and those that were given up.
    pub(crate) fn pushes(&self) -> (u64, u64) {
        let (google, microsoft) = (self.google.counters(), self.microsoft.counters());
        (google.pushes_acknowledged + microsoft.pushes_acknowledged, google.pushes_failed + microsoft.pushes_failed)
    }
}

/// The date is the same in every zone that is used here.
fn seen(provider: Provider, event: &Value) -> Seen {
    let title = match provider {
        Provider::Google => &event["summary"],
        Provider::Microsoft => &event["subject"],
    };
    let start = event["start"]["dateTime"].as_str().unwrap();
    (start[..10].to_owned(), title.as_str().unwrap().to_owned())
}

/// The hour of the n-th event, in UTC.
fn hours(n: usize) -> [String; 2] {
    [8, 9].map(|hour| format!("2030-{:02}-{:02}T{hour:02}:00:00", 1 + n % 12, 1 + n % 28))
}

pub(crate) fn google_event(title: &str, n: usize) -> Value {
    let [start, end] = hours(n).map(|at| json!({"dateTime": at + "Z", "timeZone": "Europe/Berlin"}));
    json!({"summary": title, "start": start, "end": end})
}

pub(crate) fn outlook_event(title: &str, n: usize) -> Value {
    let [start, end] = hours(n).map(|at| json!({"dateTime": at, "timeZone": "UTC"}));
    json!({"subject": title, "start": start, "end": end})
}

/// The same for the application.
pub(crate) fn local_event(uid: &str, title: &str, n: usize) -> Value {
    let [start, _] = hours(n);
    json!({"uid": uid, "title": title, "start": start, "timeZone": "Etc/UTC", "duration": "PT1H"})
}
