//! Applications and people that edit, and the record of what they were told. Each event has one author, who writes it only
//! a few times and leaves it alone after an edit whose fate is not known: so it is always known what may be there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tandem_providers::google::Google;
use tandem_providers::microsoft::Microsoft;
use tokio::task::JoinSet;

use crate::server::call;
use crate::sides::{CALENDARS, Provider, Sides, google_event, local_event, outlook_event};

/// The pause between two edits of one author.
const PAUSE: Duration = Duration::from_millis(60);
/// Edits of one event: fewer than the loop breaker counts within ten minutes.
const EDITS: usize = 5;
/// Events that an author leaves behind before it deletes each further one.
const KEPT: usize = 60;

/// What may have become of an event.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) calendar: &'static str,
    /// In every title that it ever had.
    pub(crate) name: String,
    /// The titles that it may have now; none for gone. One when the last edit was acknowledged.
    pub(crate) allowed: Vec<Option<String>>,
    /// Edits that were acknowledged.
    pub(crate) acknowledged: u64,
    /// By the application; else by a person at a provider.
    pub(crate) local: bool,
}

pub(crate) struct Load {
    authors: JoinSet<Vec<Fate>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// An application for each calendar, and a person for each account.
    pub(crate) fn start(sides: &Sides, addr: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut authors = JoinSet::new();
        for calendar in &CALENDARS {
            authors.spawn(application(calendar.id, addr, Arc::clone(&stop)));
            for (provider, account) in calendar.replicas {
                let pages = Pages { google: sides.google.clone(), microsoft: sides.microsoft.clone() };
                authors.spawn(person(pages, calendar.id, *provider, account, Arc::clone(&stop)));
            }
        }
        Self { authors, stop }
    }

    /// Let everybody end their last event.
    pub(crate) async fn stop(self) -> Vec<Fate> {
        self.stop.store(true, Ordering::Relaxed);
        self.authors.join_all().await.into_iter().flatten().collect()
    }
}

async fn application(calendar: &'static str, addr: SocketAddr, stop: Arc<AtomicBool>) -> Vec<Fate> {
    let mut all = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let n = all.len();
        let fate = one_event(calendar, addr, n).await;
        // Nobody listens: the next one has better luck.
        tokio::time::sleep(PAUSE).await;
        all.push(fate);
    }
    all
}

/// Create an event, rename it, perhaps delete it; until an answer stays out.
async fn one_event(calendar: &'static str, addr: SocketAddr, n: usize) -> Fate {
    let name = format!("app {calendar} {n}.");
    let uid = format!("app-{calendar}-{n}");
    let title = |edit: usize| format!("{name} edit {edit}");
    let mut fate = Fate { calendar, name: name.clone(), allowed: vec![None], acknowledged: 0, local: true };
    let path = format!("calendars/{calendar}/events");
    let own = format!("{path}/{uid}");
    for edit in 0..=EDITS {
        let last = edit == EDITS;
        if last && n < KEPT && n.is_multiple_of(2) {
            break;
        }
        let (answer, then) = match edit {
            0 => (call(addr, "POST", &path, Some(&local_event(&uid, &title(0), n))).await, Some(title(0))),
            _ if last => (call(addr, "DELETE", &own, None).await, None),
            _ => (call(addr, "PATCH", &own, Some(&json!({"title": title(edit)}))).await, Some(title(edit))),
        };
        match answer {
            Some((200..=299, _)) => {
                fate.allowed = vec![then];
                fate.acknowledged += 1;
            }
            // Nothing was promised.
            None | Some((503, _)) => {
                fate.allowed.push(then);
                break;
            }
            Some((status, body)) => panic!("{own}, edit {edit}: {status} {body}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    fate
}

struct Pages {
    google: Google,
    microsoft: Microsoft,
}

async fn person(
    pages: Pages,
    calendar: &'static str,
    provider: Provider,
    account: &'static str,
    stop: Arc<AtomicBool>,
) -> Vec<Fate> {
    let mut all = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let n = all.len();
        let name = format!("person {account} {n}.");
        let title = |edit: usize| format!("{name} edit {edit}");
        let id = pages.insert(provider, account, &title(0), n);
        let mut edits = 1;
        while edits < EDITS {
            tokio::time::sleep(2 * PAUSE).await;
            pages.rename(provider, account, &id, &title(edits));
            edits += 1;
        }
        let gone = n >= KEPT || n % 2 == 1;
        if gone {
            tokio::time::sleep(2 * PAUSE).await;
            pages.delete(provider, account, &id);
        }
        let allowed = vec![(!gone).then(|| title(edits - 1))];
        all.push(Fate { calendar, name, allowed, acknowledged: edits as u64 + u64::from(gone), local: false });
    }
    all
}

impl Pages {
    fn insert(&self, provider: Provider, account: &str, title: &str, n: usize) -> String {
        let made = match provider {
            Provider::Google => self.google.user_insert(account, &google_event(title, n)).unwrap(),
            Provider::Microsoft => self.microsoft.user_insert(account, &outlook_event(title, n)).unwrap(),
        };
        made["id"].as_str().unwrap().to_owned()
    }

    fn rename(&self, provider: Provider, account: &str, id: &str, title: &str) {
        match provider {
            Provider::Google => self.google.user_patch(account, id, &json!({ "summary": title })).unwrap(),
            Provider::Microsoft => self.microsoft.user_patch(account, id, &json!({ "subject": title })).unwrap(),
        };
    }

    fn delete(&self, provider: Provider, account: &str, id: &str) {
        match provider {
            Provider::Google => self.google.user_delete(account, id).unwrap(),
            Provider::Microsoft => self.microsoft.user_delete(account, id).unwrap(),
        }
    }
}
