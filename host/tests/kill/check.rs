//! What must hold once nobody edits and nobody kills.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::load::Fate;
use crate::server::{Server, call};
use crate::sides::{CALENDARS, Provider, Seen, Sides};

/// Wait until nothing is left to be done, and check. Gives the figures of the run.
pub(crate) async fn settled(sides: &Sides, server: &Server, fates: &[Fate], within: Duration) -> String {
    let until = Instant::now() + within;
    let mut differences = String::from("it never listened");
    while Instant::now() < until {
        if let Some(Look { wrong, decided }) = look(sides, server.addr, fates).await {
            if wrong.is_empty() {
                return figures(sides, fates, decided);
            }
            differences = wrong;
        }
        sleep(Duration::from_millis(500)).await;
    }
    panic!("it does not settle: {differences}\n{}", server.said());
}

fn figures(sides: &Sides, fates: &[Fate], decided: u64) -> String {
    let count =
        |local: bool| -> u64 { fates.iter().filter(|fate| fate.local == local).map(|fate| fate.acknowledged).sum() };
    let open = fates.iter().filter(|fate| fate.allowed.len() > 1).count();
    let (pushes, given_up) = sides.pushes();
    assert_eq!(given_up, 0, "a push was refused");
    // A run that proved nothing must not look like one that did.
    assert!(count(true) > 0 && count(false) > 0 && pushes > 0, "nothing was acknowledged");
    format!(
        "{} edits of the application acknowledged and there, {open} without an answer; {} edits at providers; {pushes} \
         webhooks acknowledged and served; {decided} events as a conflict record says",
        count(true),
        count(false)
    )
}

/// A look at everything.
struct Look {
    /// What is not as it must be; empty when all is well.
    wrong: String,
    /// Events that are as a conflict record says, not as their author left them.
    decided: u64,
}

/// None while there is no answer.
async fn look(sides: &Sides, addr: SocketAddr, fates: &[Fate]) -> Option<Look> {
    let mut wrong = String::new();
    let (_, replicas) = call(addr, "GET", "replicas", None).await?;
    for replica in replicas["items"].as_array()? {
        if replica["queued"] != 0 || replica["wanted"] != replica["served"] || replica["health"] != "healthy" {
            let _ = writeln!(wrong, "a replica is at work: {replica}");
        }
    }
    if sides.pushes_wait() {
        wrong.push_str("pushes wait\n");
    }
    let (_, failures) = call(addr, "GET", "failures", None).await?;
    if failures["items"].as_array()?.iter().any(|failure| !failure.is_null()) {
        let _ = writeln!(wrong, "failures: {failures}");
    }
    let (_, conflicts) = call(addr, "GET", "conflicts?state=all&limit=1000", None).await?;
    let (conflicts, mut decided) = (conflicts["items"].as_array()?.clone(), 0);
    let conflicts = Value::Array(conflicts).to_string();
    for calendar in &CALENDARS {
        let local = local(addr, calendar.id).await?;
        let mut twice = local.windows(2).filter(|two| two[0] == two[1]);
        if let Some(event) = twice.next() {
            let _ = writeln!(wrong, "twice in {}: {event:?}", calendar.id);
        }
        for (provider, account) in calendar.replicas {
            compare(&local, &sides.seen(*provider, account), &format!("{} and {account}", calendar.id), &mut wrong);
        }
        for fate in fates.iter().filter(|fate| fate.calendar == calendar.id) {
            let found: Vec<&Seen> = local.iter().filter(|(_, title)| title.starts_with(&fate.name)).collect();
            let title = found.first().map(|(_, title)| title.clone());
            if found.len() > 1 {
                let _ = writeln!(wrong, "{fate:?} is {found:?}");
            } else if !fate.allowed.contains(&title) {
                // A write whose answer died with the process is met as somebody else's change. Against another edit of
                // the same moment it may win, but never in silence.
                match conflicts.contains(&fate.name) {
                    true => decided += 1,
                    false => drop(writeln!(wrong, "{fate:?} is {found:?}")),
                }
            }
        }
    }
    for (provider, account) in CALENDARS.iter().flat_map(|calendar| calendar.replicas) {
        if *provider == Provider::Google {
            let twice = sides.google.duplicates_by_property(account, "tandem");
            if !twice.is_empty() {
                let _ = writeln!(wrong, "created twice at Google: {twice:?}");
            }
        }
    }
    Some(Look { wrong, decided })
}

fn compare(local: &[Seen], remote: &[Seen], which: &str, wrong: &mut String) {
    let only = |a: &[Seen], b: &[Seen]| -> Vec<Seen> {
        a.iter().filter(|seen| b.binary_search(seen).is_err()).take(3).cloned().collect()
    };
    if local != remote {
        let (here, there) = (only(local, remote), only(remote, local));
        let _ = writeln!(wrong, "{which} differ ({}/{}): {here:?} / {there:?}", local.len(), remote.len());
    }
}

/// Every live event of a calendar, in order.
async fn local(addr: SocketAddr, calendar: &str) -> Option<Vec<Seen>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("calendars/{calendar}/events?limit=1000{after}");
        let (_, page) = call(addr, "GET", &path, None).await?;
        for item in page["items"].as_array()? {
            let event = &item["event"];
            all.push((event["start"].as_str()?[..10].to_owned(), event["title"].as_str()?.to_owned()));
        }
        match &page["next"] {
            Value::String(next) => after = format!("&after={}", tandem_providers::http::encode(next)),
            _ => break,
        }
    }
    all.sort();
    Some(all)
}
