//! What a page says, put together: rows of one event become one arrival, and an arrival and what was known before
//! become the remote side of that event as one document, whatever the order in which its rows came (I11, I19).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::present::{Present, overrides};
use super::session::{Flow, Session};
use crate::effects::{Change, Effects, Failure, FailureKind, Orphan, Shadow};
use crate::event::{Document, is_excluded};
use crate::limits::{EXCEPTION_READS_PER_STEP, READ_BATCH};
use crate::provider::{Instance, Notes, Placed, Purpose, RemoteEvent, RemoteException, Row, Skipped, Verdict};
use crate::recurrence;
use crate::seeded::{Bug, has};
use crate::time::LocalDateTime;

/// Everything that one page says about one event.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    /// The event or master itself.
    event: Option<Box<RemoteEvent>>,
    /// It was removed.
    gone: bool,
    /// Its exceptions.
    exceptions: Vec<RemoteException>,
    /// Ids of exceptions of which nothing is left.
    gone_exceptions: Vec<String>,
    /// Ids of known exceptions that the provider does not have any more.
    lost_exceptions: Vec<String>,
}

/// An event as the provider has it now, next to what was known.
#[derive(Debug)]
pub(super) struct Subject {
    /// The provider's id.
    pub(super) remote_id: String,
    /// What both sides last agreed on.
    pub(super) shadow: Option<Shadow>,
    /// The remote side now.
    pub(super) remote: Remote,
}

/// The remote side of an event.
#[derive(Debug)]
pub(super) enum Remote {
    /// It is there.
    Present(Box<Present>),
    /// It is not there any more.
    Gone,
}

/// The shadows that a page may speak of, by remote id.
pub(super) type Shadows = BTreeMap<String, Shadow>;

impl<F: Effects> Session<'_, F> {
    /// Read the shadows of everything that rows speak of.
    pub(super) fn shadows_of(&mut self, rows: &[Row], skipped: &[Skipped]) -> Flow<Shadows> {
        let mut ids = BTreeSet::new();
        for row in rows {
            match row {
                Row::Event(event) => drop(ids.insert(event.id.clone())),
                Row::Exception(exception) => {
                    ids.insert(exception.master.clone());
                    ids.insert(exception.id.clone());
                }
                Row::Gone(id) => {
                    ids.extend(self.provider.exception_of(id));
                    ids.insert(id.clone());
                }
                Row::Look(look) => drop(ids.insert(look.id.clone())),
            }
        }
        ids.extend(skipped.iter().filter_map(|row| row.remote_id.clone()));
        let ids: Vec<String> = ids.into_iter().collect();
        let mut known = Shadows::new();
        for ids in ids.chunks(READ_BATCH) {
            let shadows = self.fx.shadows_by_remote(&self.replica.id, ids.to_vec())?;
            known.extend(ids.iter().cloned().zip(shadows).filter_map(|(id, shadow)| Some((id, shadow?))));
        }
        Ok(known)
    }

    /// Put the rows of each event together. Exceptions without a master are buffered or fetched later.
    pub(super) fn gather(
        &mut self,
        rows: Vec<Row>,
        shadows: &mut Shadows,
        changes: &mut Vec<Change>,
    ) -> Flow<Vec<Subject>> {
        let mut arrivals: BTreeMap<String, Arrival> = BTreeMap::new();
        for row in rows {
            self.sort_in(row, shadows, &mut arrivals);
        }
        self.fetch_buffered(&mut arrivals, changes)?;
        let mut subjects = Vec::with_capacity(arrivals.len());
        for (remote_id, arrival) in arrivals {
            let shadow = shadows.remove(&remote_id);
            if arrival.event.is_none() && !arrival.gone && shadow.as_ref().is_none_or(|shadow| shadow.gone) {
                if !has(Bug::OrphansDropped) {
                    self.buffer(arrival, changes);
                }
                continue;
            }
            let arrival = self.with_its_series(&remote_id, arrival, shadow.as_ref())?;
            let arrival = self.with_known_exceptions(arrival, shadow.as_ref())?;
            if let Some(subject) = self.subject(remote_id, arrival, shadow, changes) {
                subjects.push(subject);
            }
        }
        Ok(subjects)
    }

    fn sort_in(&self, row: Row, shadows: &Shadows, arrivals: &mut BTreeMap<String, Arrival>) {
        match row {
            Row::Event(event) => {
                let arrival = arrivals.entry(event.id.clone()).or_default();
                arrival.gone = false;
                if event.exceptions.is_some() {
                    arrival.exceptions.clear();
                    arrival.gone_exceptions.clear();
                }
                arrival.event = Some(event);
            }
            Row::Exception(exception) => {
                // An exception whose master we may not see lives as an event of its own; see `fetch_masters`.
                if shadows.contains_key(&exception.id) {
                    let target = self.target();
                    if let Ok(row @ (Row::Event(_) | Row::Gone(_))) = self.provider.read_alone(&target, &exception) {
                        return self.sort_in(row, shadows, arrivals);
                    }
                }
                arrivals.entry(exception.master.clone()).or_default().exceptions.push(*exception);
            }
            Row::Gone(id) => {
                let master = self.provider.exception_of(&id).filter(|_| !shadows.contains_key(&id));
                match master {
                    Some(master) => arrivals.entry(master).or_default().gone_exceptions.push(id),
                    None => {
                        let arrival = arrivals.entry(id).or_default();
                        arrival.gone = true;
                        arrival.event = None;
                    }
                }
            }
            // Asked for before anything is put together; see `look`.
            Row::Look(_) => {}
        }
    }

    /// Exceptions that came in earlier pages and whose master is here now.
    fn fetch_buffered(&mut self, arrivals: &mut BTreeMap<String, Arrival>, changes: &mut Vec<Change>) -> Flow<()> {
        if !self.state.orphans {
            return Ok(());
        }
        let masters: Vec<String> =
            arrivals.iter().filter(|(_, arrival)| arrival.event.is_some()).map(|(id, _)| id.clone()).collect();
        for masters in masters.chunks(READ_BATCH) {
            let limit = u32::try_from(READ_BATCH).unwrap_or(u32::MAX);
            for orphan in self.fx.orphans(&self.replica.id, Some(masters.to_vec()), limit)? {
                let row = self.provider.read_row(&self.target(), orphan.row.as_bytes());
                let Some(arrival) = arrivals.get_mut(&orphan.master) else { continue };
                if let Ok(Row::Exception(exception)) = row {
                    // What is in this page is newer.
                    let newer = |id: &String| {
                        arrival.exceptions.iter().any(|newer| newer.id == *id) || arrival.gone_exceptions.contains(id)
                    };
                    if let Some(master) = arrival.event.as_ref().filter(|_| !newer(&exception.id)) {
                        let kept = self.unless_left_behind(*exception, &master.document)?;
                        arrival.exceptions.extend(kept);
                    }
                }
                changes.push(Change::DeleteOrphans(self.replica.id.clone(), orphan.master));
            }
        }
        Ok(())
    }

    /// An exception that came before its master is asked for again where the master, which is newer, has no such date any more:
    /// what became of it a listing need not say.
    fn unless_left_behind(&mut self, exception: RemoteException, master: &Document) -> Flow<Option<RemoteException>> {
        let Ok(placed) = self.provider.place(&self.target(), &exception, master) else { return Ok(Some(exception)) };
        let named = overrides(master).contains_key(&placed.recurrence_id);
        if named || recurrence::contains(master.value(), &placed.recurrence_id).unwrap_or(true) {
            return Ok(Some(exception));
        }
        let request = self.provider.get(&self.target(), &exception.id);
        let (verdict, response) = self.exchange(Purpose::Read, request)?;
        match (verdict, self.provider.read_row(&self.target(), &response.body)) {
            (Verdict::Done, Ok(Row::Exception(now))) => Ok(Some(*now)),
            (Verdict::NotFound, _) | (Verdict::Done, Ok(Row::Gone(_))) => {
                if self.provider.may_hide() {
                    self.must_see_calendar()?;
                }
                Ok(None)
            }
            _ => Ok(Some(exception)),
        }
    }

    /// An exception may come before its master, and be what a write of the series made of it. While the answer to one is
    /// missing, the series is asked for: what it is like now tells whose edit that was (invariant I3).
    fn with_its_series(&mut self, id: &str, mut arrival: Arrival, shadow: Option<&Shadow>) -> Flow<Arrival> {
        if arrival.event.is_some() || arrival.gone || Notes::of(shadow).unanswered().next().is_none() {
            return Ok(arrival);
        }
        match self.read_again(id)? {
            Row::Event(event) => arrival.event = Some(event),
            Row::Gone(_) => arrival.gone = true,
            _ => {}
        }
        Ok(arrival)
    }

    /// Whether a changed master takes its exceptions along is not documented, and they come as rows only when they
    /// changed themselves: so those that are known are read again, also when a deleted series is brought back.
    fn with_known_exceptions(&mut self, mut arrival: Arrival, shadow: Option<&Shadow>) -> Flow<Arrival> {
        let Some(shadow) = shadow.filter(|shadow| !shadow.notes.is_empty()) else { return Ok(arrival) };
        let Some(event) = arrival.event.as_ref().filter(|event| event.exceptions.is_none()) else { return Ok(arrival) };
        let before = match shadow.gone {
            true if event.etag == shadow.etag || !event.document.is_recurring() => return Ok(arrival),
            true => Document::default(),
            false => Document::parse(&shadow.remote).unwrap_or_default(),
        };
        // Changed and changed back between two looks, it may have lost them as well.
        if !shadow.gone && event.etag == shadow.etag && !differs(&before, &event.document) {
            return Ok(arrival);
        }
        let mut known = Notes::parse(&shadow.notes);
        let here = |id: &String| arrival.exceptions.iter().any(|e| e.id == *id) || arrival.gone_exceptions.contains(id);
        known.instances.retain(|_, instance| !here(&instance.id));
        let now = event.document.clone();
        let (rows, lost) = self.read_exceptions(&known, &before, &now)?;
        arrival.exceptions.extend(rows);
        arrival.lost_exceptions = lost;
        Ok(arrival)
    }

    /// Read known exceptions of a series again: their rows, and the ids of those that are no more. Within the bound
    /// of a step; those beyond it are taken to be as they were.
    pub(super) fn read_exceptions(
        &mut self,
        known: &Notes,
        before: &Document,
        now: &Document,
    ) -> Flow<(Vec<RemoteException>, Vec<String>)> {
        let (mut rows, mut lost) = (Vec::new(), Vec::new());
        // Other times, also for a moment, may have brought back what was deleted.
        let says_other = differs(before, now) && recurrence::same_times(before, now);
        for (recurrence_id, instance) in &known.instances {
            let settled = match before.overrides().and_then(|all| all.get(recurrence_id)) {
                Some(patch) => is_excluded(patch) && says_other,
                // Known from before the series moved away from this date: matters when it is back, be it as an additional
                // date. When it moves away just now, one that was like the series may stay.
                None => {
                    let renamed = self.renamed(recurrence_id, before, now);
                    !recurrence::has_occurrence(before, recurrence_id)
                        && !recurrence::has_occurrence(now, &renamed)
                        && !overrides(now).contains_key(&renamed)
                }
            };
            if settled || self.exception_reads >= EXCEPTION_READS_PER_STEP {
                continue;
            }
            self.exception_reads += 1;
            let request = self.provider.get(&self.target(), &instance.id);
            let (verdict, response) = self.exchange(Purpose::Read, request)?;
            match (verdict, self.provider.read_row(&self.target(), &response.body)) {
                (Verdict::Done, Ok(Row::Exception(exception))) => rows.push(*exception),
                (Verdict::NotFound, _) => lost.push(instance.id.clone()),
                (Verdict::Done, Err(skipped)) if skipped.remote_id.is_none() => {
                    return Err(
                        self.fail("damaged-answer", "the provider's answer to a read of an exception is damaged")
                    );
                }
                _ => {}
            }
        }
        // A calendar that is hidden just now hides them all.
        if !lost.is_empty() && self.provider.may_hide() {
            self.must_see_calendar()?;
            for id in std::mem::take(&mut lost) {
                match self.read_as_is(&id)? {
                    Row::Exception(exception) => rows.push(*exception),
                    Row::Gone(_) => lost.push(id),
                    _ => {}
                }
            }
        }
        Ok((rows, lost))
    }

    fn buffer(&mut self, arrival: Arrival, changes: &mut Vec<Change>) {
        for exception in arrival.exceptions {
            self.state.orphans = true;
            let orphan = Orphan { master: exception.master, remote_id: exception.id, row: exception.row };
            changes.push(Change::PutOrphan(self.replica.id.clone(), orphan));
        }
    }

    /// The remote side of one event. None when the arrival says nothing new about it.
    fn subject(
        &mut self,
        remote_id: String,
        arrival: Arrival,
        shadow: Option<Shadow>,
        changes: &mut Vec<Change>,
    ) -> Option<Subject> {
        let live = shadow.as_ref().filter(|shadow| !shadow.gone);
        if arrival.gone {
            // That a removed event is not there is no news; and its successor may be in the same page (invariant I2).
            let shadow = live.cloned();
            return shadow.map(|shadow| Subject { remote_id, shadow: Some(shadow), remote: Remote::Gone });
        }
        if arrival.event.is_none() && live.is_none() {
            return None;
        }
        let mut problems = Vec::new();
        let present = self.compose(arrival, live, &mut problems);
        for problem in problems {
            self.state.set_aside = true;
            changes.push(Change::PutFailure(self.item_failure(&problem)));
            self.report.failed += 1;
        }
        let mut present = present?;
        if let Some(shadow) = &shadow {
            present.notes.incarnation = Notes::parse(&shadow.notes).incarnation;
            present.document.set_uid(&shadow.uid);
        }
        Some(Subject { remote_id, shadow, remote: Remote::Present(Box::new(present)) })
    }

    /// A skipped row as a failure record.
    pub(super) fn item_failure(&self, skipped: &Skipped) -> Failure {
        let subject = skipped.remote_id.as_deref().unwrap_or(skipped.code);
        let mut failure = self.failure(FailureKind::Item, subject, skipped.code, &skipped.detail, 1);
        failure.remote_id.clone_from(&skipped.remote_id);
        failure
    }

    fn compose(&self, mut arrival: Arrival, shadow: Option<&Shadow>, problems: &mut Vec<Skipped>) -> Option<Present> {
        // Of a single event without exceptions that came again only the notes matter: what it was like is not read.
        let whole = arrival.event.as_ref().is_none_or(|event| event.document.is_recurring());
        let known = shadow.and_then(|shadow| {
            let notes = Notes::parse(&shadow.notes);
            let is_read = whole || !notes.instances.is_empty();
            let before = if is_read { Document::parse(&shadow.remote).ok()? } else { Document::default() };
            Some((before, notes))
        });
        let mut made = BTreeMap::new();
        let mut present = match (arrival.event, known) {
            (Some(mut event), known) => {
                let (all, span) = (event.exceptions.take(), event.exceptions_span);
                let before = known.as_ref().map(|(_, notes)| notes.clone()).filter(|_| all.is_some());
                made.extend(before.into_iter().flat_map(|notes| notes.instances).filter(|(_, known)| known.ours));
                let known = known.map(|(document, mut notes)| {
                    let lost = |instance: &Instance| arrival.lost_exceptions.contains(&instance.id);
                    let told = |id: &str| {
                        let zone = document.str("timeZone").unwrap_or("Etc/UTC");
                        let at = LocalDateTime::parse(id).and_then(|at| self.zones.to_utc_ms(zone, at.0));
                        let at = at.and_then(|at| u64::try_from(at).ok());
                        span.is_none_or(|span| at.is_some_and(|at| (span.from_ms..span.to_ms).contains(&at)))
                    };
                    notes.instances.retain(|id, instance| !(lost(instance) || (all.is_some() && told(id))));
                    (document, notes)
                });
                arrival.exceptions.extend(all.unwrap_or_default());
                self.with_master(*event, known)
            }
            (None, Some((document, notes))) => Present {
                etag: shadow.map(|shadow| shadow.etag.clone()).unwrap_or_default(),
                updated_ms: 0,
                document,
                notes,
                mark: None,
                alone: true,
            },
            (None, None) => return None,
        };
        if arrival.exceptions.is_empty() && arrival.gone_exceptions.is_empty() {
            return Some(present);
        }
        for exception in arrival.exceptions {
            match self.provider.place(&self.target(), &exception, &present.document) {
                Ok(placed) => {
                    present.updated_ms = present.updated_ms.max(exception.updated_ms);
                    present.set_exception(
                        placed,
                        Instance { id: exception.id, etag: exception.etag, ours: false, ..Instance::default() },
                    );
                }
                Err(problem) => problems.push(problem),
            }
        }
        for id in arrival.gone_exceptions {
            let named =
                present.notes.instances.iter().find(|(_, instance)| instance.id == id).map(|(rid, _)| rid.clone());
            let recurrence_id =
                named.or_else(|| self.provider.recurrence_id_of(&self.target(), &id, &present.document));
            let Some(recurrence_id) = recurrence_id.filter(|_| present.document.is_recurring()) else { continue };
            let mut patch = Map::new();
            patch.insert("excluded".into(), true.into());
            present.set_exception(
                Placed { recurrence_id, patch, ..Placed::default() },
                Instance { id, ..Instance::default() },
            );
        }
        present.remember(&made);
        Some(present)
    }

    /// A master that came again keeps the exceptions that are known and still belong to it.
    pub(super) fn with_master(&self, event: RemoteEvent, known: Option<(Document, Notes)>) -> Present {
        let mut document = event.document;
        let mut notes = Notes { lines: event.lines, read_only: !event.writable, ..Notes::default() };
        if let Some((before, known)) = known {
            notes.writes = known.writes;
            notes.sent = known.sent;
            notes.earlier = known.earlier;
            notes.deleted = known.deleted;
            notes.sent_ms = known.sent_ms;
            if document.is_recurring() && !known.instances.is_empty() {
                let same_times = recurrence::same_times(&before, &document);
                let mut overrides = document.overrides().cloned().unwrap_or_default();
                for (former, instance) in known.instances {
                    let recurrence_id = self.renamed(&former, &before, &document);
                    // By its rules, or named by the master as an additional date.
                    let has = |id: &String| overrides.contains_key(id) || recurrence::has_occurrence(&document, id);
                    if !same_times && !has(&recurrence_id) {
                        // The provider may still have it, and it counts again should the series come back.
                        notes.instances.insert(recurrence_id, instance);
                        continue;
                    }
                    if let Some(patch) = before.overrides().and_then(|all| all.get(&former)) {
                        let patch = rebased((&before, &former), (&document, &recurrence_id), patch);
                        // An additional date of the master can have an exception; one that it excludes cannot.
                        if !overrides.get(&recurrence_id).is_some_and(is_excluded) {
                            overrides.insert(recurrence_id.clone(), patch);
                        }
                    }
                    notes.instances.insert(recurrence_id, instance);
                }
                document.set_overrides(overrides);
            } else if !document.is_recurring() && !self.provider.embeds_exceptions() {
                // They are there, and count again should it become a series once more.
                let renamed =
                    |(former, instance): (String, Instance)| (self.renamed(&former, &before, &document), instance);
                notes.instances = known.instances.into_iter().map(renamed).collect();
            }
        }
        Present { etag: event.etag, updated_ms: event.updated_ms, document, notes, mark: event.mark, alone: false }
    }

    /// The name of an occurrence where its event has other wall clocks now: providers know it by its moment.
    fn renamed(&self, recurrence_id: &str, before: &Document, now: &Document) -> String {
        let renamed = match (before.str("timeZone"), now.str("timeZone")) {
            (Some(from), Some(to)) if from != to => LocalDateTime::parse(recurrence_id)
                .and_then(|at| self.zones.to_utc_ms(from, at.0))
                .and_then(|at_ms| self.zones.to_local(to, at_ms)),
            _ => None,
        };
        renamed.map_or_else(|| recurrence_id.to_owned(), |at| LocalDateTime(at).to_string())
    }
}

/// Whether two masters differ in anything but their overrides.
fn differs(before: &Document, now: &Document) -> bool {
    let own = |document: &Document| {
        let mut document = document.clone();
        document.set("recurrenceOverrides", None);
        document.set("uid", None);
        document
    };
    own(before) != own(now)
}

/// The patch that gives the same exception of a changed master, of each with the name of the occurrence: providers keep
/// exceptions as they are.
pub(super) fn rebased(before: (&Document, &str), now: (&Document, &str), patch: &Value) -> Value {
    match patch.as_object() {
        Some(changes) if !is_excluded(patch) => {
            let exception = recurrence::exception(before.0, before.1, changes);
            Value::Object(recurrence::override_patch(now.0, now.1, &exception))
        }
        _ => patch.clone(),
    }
}

/// Whether the remote side is not as the shadow has it.
pub(super) fn is_changed(subject: &Subject) -> bool {
    match (&subject.remote, &subject.shadow) {
        (Remote::Present(present), Some(shadow)) if !shadow.gone => present.document.text() != shadow.remote,
        _ => true,
    }
}
