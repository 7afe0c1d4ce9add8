//! What the page's buttons do. Each runs by itself and says in the log what came of it.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use super::change::{Change, make, now_ms};
use super::faults;
use super::live::Live;
use super::series;
use super::side::Side;
use super::trouble::{Told, Trouble};
use super::world::World;

const HOUR_MS: i64 = 3_600_000;
/// Longest title, in characters.
const TITLE: usize = 100;

/// The buttons.
pub(super) struct Actions {
    world: Arc<World>,
    live: Arc<Live>,
    /// One thing goes wrong at a time: two at once could not be told apart.
    fault: Arc<Mutex<()>>,
}

impl Actions {
    /// Buttons of that world.
    pub(super) fn new(world: Arc<World>, live: Arc<Live>) -> Self {
        Self { world, live, fault: Arc::default() }
    }

    /// Begin what a button says.
    pub(super) fn start(&self, action: &str, row: &str, title: &str) {
        let title: String = title.trim().chars().filter(|c| !c.is_control()).take(TITLE).collect();
        let title = if title.is_empty() { "Untitled".to_owned() } else { title };
        let (world, live, lock) = (Arc::clone(&self.world), Arc::clone(&self.live), Arc::clone(&self.fault));
        let (action, row) = (action.to_owned(), row.to_owned());
        tokio::spawn(async move {
            let mut words = action.split(':');
            let came = match (words.next(), words.next().and_then(Side::named), words.next()) {
                _ if !live.is_ready() => Err("wait until the first sync is over".into()),
                (Some("edit"), Some(side), Some(what)) => edit(&world, &live, side, what, &row, title).await,
                (Some("fault"), Some(side), Some(what)) => match lock.try_lock() {
                    Ok(_guard) => fault(&world, &live, side, what).await,
                    Err(_) => Err("one thing goes wrong at a time: wait until the last one is over".into()),
                },
                _ => Err("there is no such button".into()),
            };
            live.edited();
            match came {
                Ok(text) => live.say(&sentence(&text), true),
                Err(Trouble(text)) => live.say(&sentence(&text), false),
            }
        });
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

async fn edit(world: &World, live: &Live, side: Side, what: &str, row: &str, title: String) -> Told<String> {
    let row = live.row(row);
    if let Some(row) = &row {
        live.took(&row.key, None);
    }
    let (change, done) = match what {
        "create" => (Change::Create(title, (now_ms() / HOUR_MS + 2) * HOUR_MS), "Made"),
        "rename" => (Change::Rename(title), "Renamed"),
        "move" => (Change::Postpone, "Moved"),
        "delete" => (Change::Delete, "Deleted"),
        "split" => {
            let row = row.ok_or("choose an event first")?;
            live.edited();
            return series::split(world, side, &row, &title).await;
        }
        _ => return Err("there is no such button".into()),
    };
    let sent = make(world, side, &change, row.as_ref()).await?;
    let key = sent.key.clone();
    if what == "create" {
        live.show(key.clone());
    }
    live.edited();
    let arrival = sent.arrived(world).await?;
    live.took(&key, Some(arrival));
    Ok(format!("{done} in {}; visible {}", side.name(), arrival.told()))
}

async fn fault(world: &World, live: &Live, side: Side, what: &str) -> Told<String> {
    let mut singles = live.singles().into_iter();
    let mut next = || {
        let row = singles.next().ok_or(Trouble::from("the week has no single event left: make some"))?;
        // A time that is shown is the last edit's.
        live.took(&row.key, None);
        Ok::<_, Trouble>(row)
    };
    let later = (now_ms() / HOUR_MS + 3) * HOUR_MS;
    let begins = |text: &str| live.say(text, true);
    // The same title again would be no edit at all.
    let number = now_ms() / 1000 % 10_000;
    let named = |text: &str| format!("{text} {number}");
    let made = |key| live.show(key);
    let name = side.name();
    match what {
        "both" => {
            begins(&format!("{name} and the application rename the same event at once …"));
            let row = next()?;
            let titles = (named(&format!("Title of {name}")), named("Title of the application"));
            let came = faults::both_sides(world, side, &row, (&titles.0, &titles.1)).await?;
            if let Some(record) = world.application.conflict(&row.key.uid).await? {
                begins(&told(&record, name));
            }
            Ok(came)
        }
        "429" => {
            begins(&format!("{name} refuses the next requests …"));
            faults::throttle(world, side, &next()?, &named("Renamed under 429")).await
        }
        "webhook" => {
            begins(&format!("An edit in {name}, and nobody tells Tandem …"));
            faults::lose_webhook(world, side, &next()?, &named("Renamed without a word")).await
        }
        "answer" => {
            begins(&format!("{name} makes an event, and its answer is lost …"));
            faults::lose_answer(world, side, &named("Made once"), later, &made).await
        }
        "token" => {
            begins(&format!("{name} refuses the token …"));
            faults::expire_token(world, side, &next()?, &named("Renamed after the token")).await
        }
        "kill" => {
            begins(&format!("The host is killed between a write to {name} and its commit …"));
            let came = faults::kill_in_write(world, side, &named("Made by a dead host"), later, &made).await;
            // Whatever happened: the page goes on with a server that runs.
            world.restart().await?;
            begins(&sentence(&came?));
            begins(&format!("The host is killed in the middle of a listing of {name} …"));
            let titles = (named(&format!("Renamed in {name}")), named("Renamed here"));
            let came = faults::kill_in_listing(world, side, (&next()?, &next()?), (&titles.0, &titles.1)).await;
            world.restart().await?;
            came
        }
        _ => Err("there is no such button".into()),
    }
}

/// A conflict record in words.
fn told(record: &Value, provider: &str) -> String {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).unwrap_or("nothing").to_owned();
    let paths: Vec<&str> =
        record.get("paths").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    format!(
        "Conflict record about {}: before “{}”, {provider} “{}”, application “{}”; now “{}”, decided by {}",
        paths.join(", "),
        text("/base/title"),
        text("/remote/title"),
        text("/local/title"),
        text("/outcome/title"),
        text("/decidedBy"),
    )
}
