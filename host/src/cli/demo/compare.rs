//! Are both sides equal? A comparison of its own, over months, with Google's own expansion of series on one side and the
//! API's occurrences on the other. It does not ask the engine, and pairs nothing: both are lists of what a person sees.

use std::collections::BTreeMap;

use super::change::now_ms;
use super::entry::{Entry, Seen};
use super::trouble::Told;
use super::world::World;

const DAY_MS: i64 = 86_400_000;
/// How far back is looked.
const BEFORE_MS: i64 = 30 * DAY_MS;
/// How far ahead.
const AFTER_MS: i64 = 90 * DAY_MS;
/// How much is read at a time.
const SLICE_MS: i64 = 10 * DAY_MS;

/// The result.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    /// Occurrences that both sides show.
    pub(super) equal: usize,
    /// Ids of what only Google shows.
    pub(super) only_google: Vec<String>,
    /// Ids of what only the application shows.
    pub(super) only_application: Vec<String>,
    /// Events that are at Google twice.
    pub(super) duplicates: usize,
}

impl Comparison {
    /// Nothing differs.
    pub(super) fn is_equal(&self) -> bool {
        self.only_google.is_empty() && self.only_application.is_empty() && self.duplicates == 0
    }
}

/// Compare everything in the window.
pub(super) async fn compare(world: &World) -> Told<Comparison> {
    let from_ms = now_ms() - BEFORE_MS;
    let to_ms = now_ms() + AFTER_MS;
    let mut result = Comparison { duplicates: world.google.duplicates(), ..Comparison::default() };
    let mut from = from_ms;
    while from < to_ms {
        let to = (from + SLICE_MS).min(to_ms);
        // Days begin at another moment in every zone: read more than the slice, and keep what starts in it.
        let (wide_from, wide_to) = (from - 2 * DAY_MS, to + 2 * DAY_MS);
        let starts_here = |seen: &Seen| (from..to).contains(&seen.entry.start_ms);
        let google = world.google.window(wide_from, wide_to)?.into_iter().filter(starts_here).collect();
        let application = world.application.window(wide_from, wide_to).await?.into_iter().filter(starts_here).collect();
        settle(google, application, &mut result);
        from = to;
    }
    Ok(result)
}

/// Take out what is on both sides, as often as it is there.
fn settle(google: Vec<Seen>, application: Vec<Seen>, result: &mut Comparison) {
    let mut open = BTreeMap::<Entry, Vec<String>>::new();
    for seen in google {
        open.entry(seen.entry).or_default().push(seen.id);
    }
    for seen in application {
        match open.get_mut(&seen.entry).and_then(Vec::pop) {
            Some(_) => result.equal += 1,
            None => result.only_application.push(format!("{} {}", seen.key.uid, seen.key.occurrence)),
        }
    }
    result.only_google.extend(open.into_values().flatten());
}

#[cfg(test)]
mod tests {
    use super::super::entry::Key;
    use super::*;

    fn seen(id: &str, title: &str) -> Seen {
        let entry = Entry { start_ms: 1, end_ms: 2, title: title.into(), place: String::new(), all_day: false };
        let key = Key { uid: id.into(), occurrence: String::new() };
        Seen { key, entry, id: id.into(), body: serde_json::Value::Null }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_did_not_arrive_is_found() -> Told<()> {
        let world = World::start(40, 1).await?;
        super::super::progress::first_sync(&world, 40, std::time::Instant::now()).await?;
        let before = compare(&world).await?;
        assert!(before.is_equal() && before.equal > 10, "{before:?}");
        world.google.cut_off();
        let made = world.google.create("Lost", now_ms() + DAY_MS)?;
        let after = compare(&world).await?;
        assert!(!after.is_equal());
        assert_eq!((after.equal, after.only_google, after.only_application), (before.equal, vec![made.id], vec![]));
        world.end().await;
        Ok(())
    }

    #[test]
    fn what_is_there_twice_on_one_side_only_is_a_difference() {
        let mut result = Comparison::default();
        settle(vec![seen("a", "x"), seen("b", "x"), seen("c", "y")], vec![seen("1", "x"), seen("2", "z")], &mut result);
        assert_eq!((result.equal, result.only_google.len()), (1, 2));
        assert_eq!(result.only_application, ["2 "]);
        assert!(!result.is_equal());
    }
}
