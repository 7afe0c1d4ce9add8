//! Are all sides equal? A comparison of its own, over months, with the providers' own expansion of series and the API's
//! occurrences. It does not ask the engine, and pairs nothing: each side is a list of what a person sees.

use std::collections::{BTreeMap, BTreeSet};

use super::change::now_ms;
use super::entry::{Entry, Seen};
use super::outlook;
use super::side::{Side, Sides};
use super::trouble::Told;
use super::world::World;

const DAY_MS: i64 = 86_400_000;
/// How far back is looked.
const BEFORE_MS: i64 = 30 * DAY_MS;
/// How far ahead.
const AFTER_MS: i64 = 90 * DAY_MS;
/// How much is read at a time.
const SLICE_MS: i64 = 30 * DAY_MS;

/// The result.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    /// Occurrences that all sides show.
    pub(super) equal: usize,
    /// Occurrences that Google and the application show, of series that are recorded as not expressible in Outlook.
    pub(super) excused: usize,
    /// How many such series there are.
    pub(super) refused: usize,
    /// Ids of what a side shows and not every other one does.
    pub(super) surplus: Sides<Vec<String>>,
    /// Events that are at a provider twice.
    pub(super) duplicates: Sides<usize>,
}

impl Comparison {
    /// Nothing differs.
    pub(super) fn is_equal(&self) -> bool {
        self.differences() == 0 && self.duplicates.all().into_iter().all(|twice| *twice == 0)
    }

    /// How much differs.
    pub(super) fn differences(&self) -> usize {
        self.surplus.all().into_iter().map(Vec::len).sum()
    }
}

/// Compare everything in the window.
pub(super) async fn compare(world: &World) -> Told<Comparison> {
    let from_ms = now_ms() - BEFORE_MS;
    let to_ms = now_ms() + AFTER_MS;
    let refused = world.application.failures(outlook::REPLICA).await?.not_expressible;
    let mut result = Comparison { refused: refused.len(), ..Comparison::default() };
    for remote in world.remotes() {
        *result.duplicates.of_mut(remote.side()) = remote.duplicates();
    }
    let mut from = from_ms;
    while from < to_ms {
        let to = (from + SLICE_MS).min(to_ms);
        // Days begin at another moment in every zone: read more than the slice, and keep what starts in it.
        let mut all = world.window(from - 2 * DAY_MS, to + 2 * DAY_MS).await?;
        for side in Side::ALL {
            all.of_mut(side).retain(|seen| (from..to).contains(&seen.entry.start_ms));
        }
        settle(all, &refused, &mut result);
        from = to;
    }
    Ok(result)
}

/// Take out what is on all sides, as often as it is there; the rest is a difference. Only Outlook may lack something, and
/// only the occurrences of series (`refused`, uids) that are recorded as not expressible there.
pub(super) fn settle(all: Sides<Vec<Seen>>, refused: &BTreeSet<String>, result: &mut Comparison) {
    let mut open = BTreeMap::<Entry, Sides<Vec<String>>>::new();
    let mut excusable = BTreeMap::<Entry, usize>::new();
    let Sides { google, application, outlook } = all;
    for seen in application.iter().filter(|seen| refused.contains(&seen.key.uid)) {
        *excusable.entry(seen.entry.clone()).or_default() += 1;
    }
    for (side, seen) in [(Side::Google, google), (Side::Application, application), (Side::Outlook, outlook)] {
        for seen in seen {
            let id =
                if side == Side::Application { format!("{} {}", seen.key.uid, seen.key.occurrence) } else { seen.id };
            open.entry(seen.entry).or_default().of_mut(side).push(id);
        }
    }
    for (entry, mut ids) in open {
        let everywhere = ids.all().into_iter().map(Vec::len).min().unwrap_or(0);
        result.equal += everywhere;
        for side in Side::ALL {
            ids.of_mut(side).drain(..everywhere);
        }
        let excused = excusable.get(&entry).copied().unwrap_or(0).min(ids.google.len()).min(ids.application.len());
        result.excused += excused;
        for side in [Side::Google, Side::Application] {
            ids.of_mut(side).drain(..excused);
        }
        for side in Side::ALL {
            result.surplus.of_mut(side).append(ids.of_mut(side));
        }
    }
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
        let world = World::start(30, 10, 1).await?;
        super::super::progress::first_sync(&world).await?;
        let before = compare(&world).await?;
        assert!(before.is_equal() && before.equal > 10, "{before:?}");
        let mut made = Vec::new();
        for remote in world.remotes() {
            remote.cut_off();
            made.push(vec![remote.create("Lost", now_ms() + DAY_MS)?.id]);
        }
        let after = compare(&world).await?;
        assert!(!after.is_equal());
        let Sides { google, application, outlook } = after.surplus;
        assert_eq!((after.equal, vec![google, outlook], application), (before.equal, made, vec![]));
        world.end().await;
        Ok(())
    }

    #[test]
    fn what_is_there_twice_on_one_side_only_is_a_difference() {
        let mut result = Comparison::default();
        let all = Sides {
            google: vec![seen("a", "x"), seen("b", "x"), seen("c", "y")],
            application: vec![seen("1", "x"), seen("2", "z")],
            outlook: vec![seen("A", "x"), seen("C", "y")],
        };
        settle(all, &BTreeSet::new(), &mut result);
        assert_eq!((result.equal, result.surplus.google.len()), (1, 2));
        assert_eq!((result.surplus.application, result.surplus.outlook), (vec!["2 ".into()], vec!["C".into()]));
    }

    #[test]
    fn what_outlook_cannot_express_may_be_missing_there_and_nowhere_else() {
        let told = |google: Vec<Seen>, application: Vec<Seen>, outlook: Vec<Seen>| {
            let mut result = Comparison::default();
            settle(Sides { google, application, outlook }, &BTreeSet::from(["1".to_owned()]), &mut result);
            (result.equal, result.excused, result.differences())
        };
        assert_eq!(told(vec![seen("a", "x")], vec![seen("1", "x")], vec![]), (0, 1, 0));
        assert_eq!(told(vec![], vec![seen("1", "x")], vec![]), (0, 0, 1), "Google has to have it");
        assert_eq!(told(vec![seen("a", "x")], vec![seen("2", "x")], vec![]), (0, 0, 2), "it is not recorded");
        assert_eq!(told(vec![seen("a", "x")], vec![seen("1", "x")], vec![seen("A", "y")]), (0, 1, 1));
        let twice = |uids: [&str; 2]| uids.map(|uid| seen(uid, "x")).to_vec();
        assert_eq!(told(twice(["a", "b"]), twice(["1", "2"]), vec![seen("A", "x")]), (1, 1, 0));
    }
}
