//! Asks for what a listing only points at, several events in one request. A page is settled only when all of it is
//! known, so that its cursor never passes anything (invariant I9).

use std::collections::BTreeMap;

use super::arrive::Shadows;
use super::scene::Pending;
use super::session::{Flow, Session};
use super::troubled::Answer;
use crate::effects::{Change, Effects, Request, Shadow};
use crate::limits::{PROOF_PAGE, READ_BATCH, SEARCH_PAGES, SWEEP_PAGE};
use crate::provider::{Look, Page, Purpose, Row, Search, Skipped, Verdict};
use crate::seeded::{Bug, has};

/// What became of looking at events.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What they are now.
    pub(super) rows: Vec<Row>,
    /// Those that cannot be read.
    pub(super) skipped: Vec<Skipped>,
    /// How many of them were asked for.
    pub(super) done: usize,
    /// Those that were not asked for in this step.
    pub(super) left: Vec<String>,
}

/// What a page points at.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// What is to be stored about it.
    pub(super) changes: Vec<Change>,
    /// Ids that are left for later steps.
    pub(super) left: Vec<String>,
}

impl<F: Effects> Session<'_, F> {
    /// Replace what a page points at by what it is.
    pub(super) fn resolve(&mut self, page: &mut Page) -> Flow<Resolved> {
        let points = |row: &Row| match row {
            Row::Look(_) => true,
            Row::Event(event) => event.hides_mark,
            _ => false,
        };
        if !page.rows.iter().any(points) {
            return Ok(Resolved::default());
        }
        let known = self.live(page.rows.iter().filter(|row| points(row)).map(id_of))?;
        // By id: whether only known events are of interest.
        let mut looks: BTreeMap<String, bool> = BTreeMap::new();
        let mut rows = Vec::new();
        for row in std::mem::take(&mut page.rows) {
            match row {
                Row::Look(Look { id, .. }) if has(Bug::RemovalBelieved) => rows.push(Row::Gone(id)),
                Row::Look(Look { id, only_known }) => {
                    let all = looks.entry(id).or_insert(true);
                    *all = *all && only_known;
                }
                Row::Event(event) if event.hides_mark && !known.contains_key(&event.id) => {
                    looks.insert(event.id, false);
                }
                row => rows.push(row),
            }
        }
        // A row beside a removal of the same event: which of the two is newer only the event itself can say.
        for row in &rows {
            if let Some(only_known) = looks.get_mut(&id_of(row)) {
                *only_known = false;
            }
        }
        // What is asked for is newer than what the page says.
        rows.retain(|row| !looks.contains_key(&id_of(row)));
        let (wanted, unknown): (Vec<_>, Vec<_>) =
            looks.into_iter().partition(|(id, only_known)| !only_known || known.contains_key(id));
        let mut seen = self.look_at(&wanted.into_iter().map(|(id, _)| id).collect::<Vec<_>>())?;
        let changes = self.measured(&mut seen.rows, &known);
        if self.state.span.is_some() && self.state.cursor.is_some() && !unknown.is_empty() {
            // Within a span series come as occurrences, whose ids are not kept: this may be the end of one.
            self.state.doubt_again = self.state.doubt.is_some();
            self.state.doubt.get_or_insert_default();
        }
        rows.extend(seen.rows);
        page.rows = rows;
        page.skipped.extend(seen.skipped);
        Ok(Resolved { changes, left: seen.left })
    }

    /// Live shadows of remote ids.
    pub(super) fn live(&mut self, ids: impl Iterator<Item = String>) -> Flow<Shadows> {
        let ids: Vec<String> = ids.collect();
        let mut live = Shadows::new();
        for ids in ids.chunks(READ_BATCH) {
            let shadows = self.fx.shadows_by_remote(&self.replica.id, ids.to_vec())?;
            let found = ids.iter().cloned().zip(shadows).filter_map(|(id, shadow)| Some((id, shadow?)));
            live.extend(found.filter(|(_, shadow)| !shadow.gone));
        }
        Ok(live)
    }

    /// Ask for events, at least for one, and for no more than is good for a step.
    pub(super) fn look_at(&mut self, ids: &[String]) -> Flow<Seen> {
        let mut seen = Seen::default();
        for ids in ids.chunks(self.provider.batch_size().max(1)) {
            if seen.done > 0 && self.has_asked_enough() {
                seen.left.extend_from_slice(ids);
                continue;
            }
            for answer in self.answers_about(ids)? {
                if seen.done > 0 && self.has_asked_enough() {
                    seen.left.push(answer.id);
                    continue;
                }
                self.see(&mut seen, answer)?;
                seen.done += 1;
            }
        }
        Ok(seen)
    }

    /// Search for one thing, page by page. [`Search::Next`] comes back when there are too many pages.
    pub(super) fn search<T>(
        &mut self,
        purpose: Purpose,
        mut request: Request,
        read: impl Fn(&mut Self, &[u8]) -> Flow<Result<Search<T>, Skipped>>,
    ) -> Flow<(Verdict, Result<Search<T>, Skipped>)> {
        let mut pages = 0;
        loop {
            let (verdict, response) = self.exchange(purpose, request)?;
            pages += 1;
            match read(self, &response.body)? {
                Ok(Search::Next(next)) if verdict == Verdict::Done && pages < SEARCH_PAGES => request = next,
                found => return Ok((verdict, found)),
            }
        }
    }

    /// Ask for series, a page of them, and settle what is found.
    pub(super) fn look_at_series(&mut self, after: String) -> Flow<()> {
        let all = self.listed() + 1;
        let page = self.fx.unseen_shadows(&self.replica.id, all, Some(after), SWEEP_PAGE)?;
        let series = |shadow: &&Shadow| shadow.remote.contains("\"recurrenceRules\"");
        let asked: Vec<&Shadow> = page.iter().filter(series).take(PROOF_PAGE as usize).collect();
        let cut = asked.len() == PROOF_PAGE as usize;
        let known: Shadows = asked.iter().map(|shadow| (shadow.remote_id.clone(), (*shadow).clone())).collect();
        let ids: Vec<String> = asked.iter().map(|shadow| shadow.remote_id.clone()).collect();
        let mut seen = self.look_at(&ids)?;
        let cut = cut || !seen.left.is_empty();
        let last = if cut { asked.get(seen.done.saturating_sub(1)).copied() } else { page.last() };
        let ends = !cut && page.len() < SWEEP_PAGE as usize;
        let last = last.filter(|_| !ends).map(|shadow| shadow.uid.clone());
        let changes = self.measured(&mut seen.rows, &known);
        let out = self.settle_seen(seen, changes)?;
        self.state.doubt = last;
        if self.state.doubt.is_none() && std::mem::take(&mut self.state.doubt_again) {
            self.state.doubt = Some(String::new());
        }
        self.commit(out.changes, out.expectations)
    }

    /// Settle what was looked at, and commit. What cannot be read is recorded.
    pub(super) fn absorb_seen(&mut self, seen: Seen, changes: Vec<Change>) -> Flow<()> {
        let out = self.settle_seen(seen, changes)?;
        self.commit(out.changes, out.expectations)
    }

    /// The same without the commit: what is to be stored about it.
    pub(super) fn settle_seen(&mut self, seen: Seen, changes: Vec<Change>) -> Flow<Pending> {
        let mut out = Pending { changes, ..Pending::default() };
        self.answered(&mut out.changes);
        let mut shadows = self.shadows_of(&seen.rows, &seen.skipped)?;
        self.take_up_again(&mut out, &seen.rows);
        self.set_aside(&mut out, &seen.skipped, &mut shadows);
        let subjects = self.gather(seen.rows, &mut shadows, &mut out.changes)?;
        self.settle_all(&mut out, subjects)?;
        Ok(out)
    }

    fn see(&mut self, seen: &mut Seen, answer: Answer) -> Flow<()> {
        let Answer { id, verdict, response } = answer;
        match verdict {
            Verdict::Done => match self.provider.read_row(&self.target(), &response.body) {
                Ok(row) => {
                    let row = self.with_exceptions(row)?;
                    seen.rows.push(row);
                }
                Err(skipped) if skipped.remote_id.is_some() => seen.skipped.push(skipped),
                Err(_) => return Err(self.fail("damaged-answer", "the provider's answer to a read is no event")),
            },
            Verdict::NotFound => seen.rows.push(Row::Gone(id)),
            Verdict::Rejected { detail, .. } => {
                let (code, detail) = ("unreadable-event", detail.to_owned());
                seen.skipped.push(Skipped { remote_id: Some(id), code, detail });
            }
            // Tried often enough.
            Verdict::Retry { .. } | Verdict::NotWhole | Verdict::Unauthorized => {
                let detail = "the provider fails to show the event; it is asked for again every hour, and by a replay";
                seen.skipped.push(Skipped { remote_id: Some(id), code: "unreadable-event", detail: detail.into() });
            }
            _ => return Err(self.fail("unexpected-answer", "the provider answered a read in an unknown way")),
        }
        Ok(())
    }
}

pub(super) fn id_of(row: &Row) -> String {
    match row {
        Row::Event(event) => event.id.clone(),
        Row::Exception(exception) => exception.id.clone(),
        Row::Gone(id) => id.clone(),
        Row::Look(look) => look.id.clone(),
    }
}
