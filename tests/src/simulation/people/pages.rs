//! What a person does in a provider's pages, whichever provider it is.

use serde_json::Value;

use super::{Done, NEXT, Text, chosen, is_of_all, members, number};
use crate::simulation::facts::{family, written};
use crate::simulation::history::{Change, Edit, Side};
use crate::world::World;

/// A provider's pages. What they refuse is none, or false.
pub(super) trait Pages {
    /// An event or series, as the provider has it.
    fn event(&self, id: &str) -> Option<Value>;

    /// Whether that is a series.
    fn recurs(row: &Value) -> bool;

    /// One of the next occurrences of a series: `among` is told how many there are, and chooses.
    fn occurrence(&self, series: &str, among: impl FnOnce(usize) -> usize) -> Option<Value>;

    /// Make a series of its own of an occurrence and all that follow: the new one.
    fn split(&self, occurrence: &str) -> Option<Value>;

    /// Change members of an event, series or occurrence.
    fn change(&self, id: &str, body: &Value) -> bool;

    /// Delete one.
    fn delete(&self, id: &str) -> bool;

    /// What an edit changes in a row that belongs to a series or not; none when that cannot be done.
    fn body(&self, edit: &Edit, name: &str, row: &Value, recurs: bool) -> Option<Value>;

    /// The same for a series as a whole.
    fn body_of_series(&self, edit: &Edit, name: &str, row: &Value) -> Option<Value> {
        self.body(edit, name, row, true)
    }
}

/// Do an edit of what is there; none when there was nothing to edit, or it was refused.
pub(super) fn act<P: Pages>(pages: &P, world: &World, edit: &Edit) -> Option<Done> {
    let (number, series) = chosen_there(world, edit)?;
    let row = pages.event(&series)?;
    let family = format!("E{number}");
    let recurs = P::recurs(&row);
    let occurrence = edit.occurrence.filter(|_| recurs && !is_of_all(edit)).and_then(|n| {
        let among = |count: usize| usize::from(n) % count.clamp(1, NEXT);
        pages.occurrence(&series, among)
    });
    let is_whole = occurrence.is_none();
    let row = occurrence.unwrap_or(row);
    let target = row["id"].as_str()?.to_owned();
    let deletes = edit.change == Change::Delete;
    if edit.following && !is_whole && !deletes {
        // What cannot be done is known before the series is two.
        pages.body(edit, &family, &row, true)?;
        let second = pages.split(&target)?;
        // It begins where the rule says, which may be elsewhere than the occurrence was.
        let body = pages.body_of_series(edit, &family, &second);
        let _ = body.is_some_and(|body| pages.change(second["id"].as_str().unwrap_or_default(), &body));
        return Some(Done { family, split: true, series, target, ..Done::default() });
    }
    if deletes {
        let done = pages.delete(&target);
        return done.then_some(Done { family, deleted: is_whole, series, target, ..Done::default() });
    }
    let body = match recurs && is_whole {
        true => pages.body_of_series(edit, &family, &row),
        false => pages.body(edit, &family, &row, recurs),
    }?;
    let done = pages.change(&target, &body);
    let now = pages.event(&target).filter(|_| done && edit.change.is_of_text());
    let wrote = now.map(|now| Text {
        series: series.clone(),
        occurrence: (!is_whole).then(|| target.clone()),
        before: members(&row, &body),
        after: members(&now, &body),
    });
    done.then_some(Done { family, series, target, wrote, ..Done::default() })
}

/// Take a text back.
pub(super) fn undo<P: Pages>(pages: &P, world: &World, side: Side, text: &Text) -> Option<Done> {
    let mut found = None;
    written(world, side, |row| {
        if row.series.is_none() && *row.id == *text.series {
            found = family(row.title);
        }
    });
    let (family, series) = (found?, text.series.clone());
    let target = text.occurrence.clone().unwrap_or_else(|| series.clone());
    pages.change(&target, &text.before).then_some(Done { family, series, target, ..Done::default() })
}

/// One of the events that a person sees there: the number of its family, and its id.
fn chosen_there(world: &World, edit: &Edit) -> Option<(u32, String)> {
    let mut rows = Vec::new();
    written(world, edit.side, |row| {
        let counts = edit.change != Change::Erase || !row.notes.is_empty() || !row.place.is_empty();
        let family = family(row.title).filter(|_| row.series.is_none() && counts);
        rows.extend(family.map(|family| (number(&family), row.id.clone().into_owned())));
    });
    chosen(rows, edit.event)
}
