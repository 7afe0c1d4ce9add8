//! Writes what the local side changed: each write conditional, noted before (`sent.rs`) and followed by a commit of its own,
//! so that a crash in between is met by the note, the deterministic id (409), the version tag (412) or the base (nothing left
//! to write).

use super::applied::takes_back;
use super::arrive::{Remote, Subject, is_changed};
use super::exceptions::{Sent, reached};
use super::look::Seen;
use super::plan::{Base, Decision, State, plan};
use super::present::{Present, differing, without_open};
use super::scene::{Job, Local, Pending, Scene, wanted_remote};
use super::sent::expect_no_exceptions;
use super::session::{Flow, Session};
use crate::backoff;
use crate::effects::{
    Change, Effects, EventRow, Expectation, FailureKind, PushEntry, ReplicaMode, Request, Response, Shadow,
};
use crate::event::Document;
use crate::limits::{LOOKS_BEFORE_WRITE, LOOP_WRITES, PAGES_BEFORE_WRITE};
use crate::provider::{Instance, Notes, Purpose, Refused, RemoteException, Row, Update, Verdict};
use crate::recurrence::same_times;
use crate::seeded::{Bug, has};

/// What people are told when an occurrence was deleted at the provider and edited here.
pub(super) const NO_WAY_BACK: &str =
    "the provider cannot bring a deleted occurrence back; make an event of its own of it";

/// Whether a write was to bring a deleted occurrence back.
fn revives(before: &Present, sent: &Sent) -> bool {
    !sent.body.is_empty() && before.excludes(&sent.recurrence_id)
}

/// Whether the provider shows an event just as it was before a write that has no answer yet. It may still come, and what it is
/// to bring is agreed on: nothing is news.
fn is_as_before(subject: &Subject) -> bool {
    match (&subject.remote, &subject.shadow) {
        (Remote::Present(present), Some(shadow)) if !shadow.gone && present.etag == shadow.etag => {
            Notes::parse(&shadow.notes).sent.iter().any(|sent| sent == present.document.text())
        }
        _ => false,
    }
}

/// What was written.
pub(super) enum Wrote {
    /// An event or series; what was agreed on before, with the exceptions that the write may have ended.
    Series(Present),
    /// An exception.
    Exception(Sent),
}

impl<F: Effects> Session<'_, F> {
    /// Handle one entry of the queue: at most one write of the event or one of its exceptions.
    pub(super) fn push(&mut self, entry: PushEntry) -> Flow<()> {
        // The base first: if another worker settles the event in between, the older version tag makes the write fail, where
        // a newer tag with an older event would undo what that worker has just taken over.
        let shadow = self.fx.shadows_by_uid(&self.replica.id, vec![entry.uid.clone()])?.into_iter().flatten().next();
        let row = self.read_events(vec![entry.uid.clone()])?.remove(&entry.uid);
        let job = self.job(entry, row, shadow);
        self.push_job(job)
    }

    fn push_job(&mut self, mut job: Job) -> Flow<()> {
        let (base, remote) = match &job.scene.shadow {
            None => (Base::None, State::Missing),
            Some(shadow) if shadow.gone => (Base::Gone, State::Deleted),
            Some(_) => (Base::Agreed, State::Same),
        };
        if base == Base::Agreed && job.scene.notes.deleted && job.scene.local.is_there() {
            return self.made_again(job);
        }
        let rules = self.rules(&job.scene.notes, true);
        if base == Base::Agreed && rules.mode == ReplicaMode::TwoWay && rules.writable && takes_back(&job.scene) {
            if !self.is_fresh && job.entry.attempts < LOOKS_BEFORE_WRITE {
                return self.look_first(job);
            }
            if self.is_fresh && job.scene.local.state == State::Same {
                return self.nothing_was_applied(job);
            }
        }
        let decision = plan(base, job.scene.local.state, remote, rules);
        match decision {
            Decision::CreateRemote | Decision::RecreateRemote | Decision::UpdateRemote | Decision::DeleteRemote
                if self.is_looping(&mut job) =>
            {
                self.park(job)
            }
            Decision::CreateRemote => self.create(job),
            Decision::RecreateRemote => self.recreate(job),
            Decision::UpdateRemote | Decision::DeleteRemote if self.forgets_occurrences(&job) => self.look_first(job),
            Decision::UpdateRemote => self.update(job),
            Decision::DeleteRemote => self.delete(job),
            Decision::RestoreLocal => self.take_back(job),
            _ if !rules.writable && rules.mode != ReplicaMode::Pull && job.scene.local.state == State::Changed => {
                let detail = "the provider does not let the account write to this calendar";
                self.give_up(job, "read-only-calendar", detail, vec![])
            }
            _ => self.done(job, vec![]),
        }
    }

    /// Whether a write may end occurrences that somebody edited at the provider, of which nothing is known here yet.
    fn forgets_occurrences(&self, job: &Job) -> bool {
        let (scene, local) = (&job.scene, &job.scene.local);
        !has(Bug::BlindSeriesWrite)
            && (!self.is_fresh || self.is_set_aside(&scene.remote_id))
            && job.entry.attempts < LOOKS_BEFORE_WRITE
            && self.replica.mode == ReplicaMode::TwoWay
            && scene.remote_base().is_recurring()
            && (local.state == State::Deleted || self.ends_exceptions(scene))
    }

    /// Whether a local edit is one after which a provider may have forgotten the exceptions of the series: it is told
    /// other times. Its own form of a rule that both sides have agreed on is not told again.
    fn ends_exceptions(&self, scene: &Scene) -> bool {
        let length = |document: &Document| document.get("duration").cloned();
        let (base, now) = (&scene.local.base, &scene.local.document);
        if same_times(base, now) && length(base) == length(now) {
            return false;
        }
        let present = Self::agreed_remote(scene);
        let wanted = wanted_remote(&scene.local, &present.document);
        let mut timed = present.document.clone();
        for name in ["start", "timeZone", "showWithoutTime", "recurrenceRules", "duration"] {
            timed.set(name, wanted.get(name).cloned());
        }
        self.difference(&present, &timed) != Ok(None)
    }

    /// Look at the event just before the write: what somebody did there may have to be merged with it. Where one that is asked
    /// for comes with all its exceptions, that is newer than any listing, which may lag behind.
    fn look_first(&mut self, job: Job) -> Flow<()> {
        if !self.provider.embeds_exceptions() {
            return self.pull_first(job);
        }
        let seen = self.look_at(std::slice::from_ref(&job.scene.remote_id))?;
        if seen.rows.is_empty() {
            return self.wait_for(seen, job.entry);
        }
        let mut out = Pending::default();
        self.take_up_again(&mut out, &seen.rows);
        let mut shadows = self.shadows_of(&seen.rows, &[])?;
        let subjects = self.gather(seen.rows, &mut shadows, &mut out.changes)?;
        let takes_back = takes_back(&job.scene);
        if subjects.iter().any(|subject| is_changed(subject) && (takes_back || !is_as_before(subject))) {
            // That comes first, and decides whether there is something left to write.
            return self.settle_first(out, job.entry, subjects);
        }
        if !out.changes.is_empty() {
            self.commit(out.changes, out.expectations)?;
        }
        self.is_fresh = true;
        let pushed = self.push_job(job);
        self.is_fresh = false;
        pushed
    }

    /// A write waits while its event cannot be read.
    pub(super) fn wait_for(&mut self, seen: Seen, entry: PushEntry) -> Flow<()> {
        let attempts = entry.attempts.saturating_add(1);
        let due_ms = match seen.rows.is_empty() {
            true => backoff::next_step_ms(self.now_ms, attempts),
            false => self.now_ms,
        };
        self.absorb_seen(seen, vec![Change::Postpone(PushEntry { attempts, due_ms, ..entry })])
    }

    /// Look at the provider's changes just before the write. When they do not end in some pages, they come in the next steps,
    /// and the entry stays in the queue.
    fn pull_first(&mut self, job: Job) -> Flow<()> {
        let mut rounds = 0;
        for page in 1..=PAGES_BEFORE_WRITE {
            self.pull()?;
            self.sees_itself()?;
            let listing = self.state.listing.as_ref();
            rounds += u32::from(listing.is_none());
            // What is edited between the pages of a round may leave it, with what was edited before: it is in the next one.
            self.is_fresh = listing.is_none() && (page == 1 || rounds == 2);
            // A listing of everything ends in a sweep, before which nothing is written.
            if self.is_fresh || self.state.sweep.is_some() || listing.is_some_and(|listing| listing.full) {
                break;
            }
        }
        self.is_fresh &= self.state.cursor.is_some() && self.state.sweep.is_none();
        let attempts = job.entry.attempts + 1;
        if self.is_fresh && self.is_set_aside(&job.scene.remote_id) {
            let seen = self.look_at(std::slice::from_ref(&job.scene.remote_id))?;
            return self.wait_for(seen, job.entry);
        }
        if self.is_fresh {
            let pushed = self.push(job.entry);
            self.is_fresh = false;
            return pushed;
        }
        self.commit(vec![Change::Postpone(PushEntry { attempts, due_ms: self.now_ms, ..job.entry })], vec![])
    }

    fn job(&self, entry: PushEntry, row: Option<EventRow>, shadow: Option<Shadow>) -> Job {
        let local: Local = self.local(row, shadow.as_ref());
        let notes = Notes::of(shadow.as_ref());
        let remote_id = shadow.as_ref().map(|shadow| shadow.remote_id.clone()).unwrap_or_default();
        Job { scene: Scene { uid: entry.uid.clone(), remote_id, shadow, local, notes }, entry }
    }

    /// The remote side as the shadow has it.
    fn agreed_remote(scene: &Scene) -> Present {
        Present {
            etag: scene.shadow.as_ref().map(|shadow| shadow.etag.clone()).unwrap_or_default(),
            updated_ms: 0,
            document: scene.remote_base(),
            notes: scene.notes.clone(),
            mark: None,
            alone: false,
        }
    }

    // -- changing

    fn update(&mut self, mut job: Job) -> Flow<()> {
        let known = Self::agreed_remote(&job.scene);
        if self.provider.embeds_exceptions() && self.ends_exceptions(&job.scene) {
            expect_no_exceptions(&mut job.scene);
        }
        let (present, wanted, told) = self.told(&job);
        match told {
            Ok(Some(request)) => {
                let (verdict, response) = self.write(&mut job.scene, &wanted, Purpose::Update, request)?;
                self.answered_write(job, verdict, &response, Wrote::Series(known), &wanted)
            }
            Ok(None) => self.update_exception(job, present, &wanted),
            Err(Refused { code, detail }) => self.give_up(job, code, detail, vec![]),
        }
    }

    /// The remote side as it was agreed on, as it is to be, and what the provider is told for it: exceptions aside.
    fn told(&self, job: &Job) -> (Present, Document, Result<Option<Request>, Refused>) {
        let present = Self::agreed_remote(&job.scene);
        let wanted = wanted_remote(&job.scene.local, &present.document);
        let update = Update {
            remote_id: &job.scene.remote_id,
            etag: &present.etag,
            from: &present.document,
            to: &wanted,
            lines: &present.notes.lines,
            notify: job.entry.notify_attendees,
            revive: false,
        };
        let told = self.provider.update(&self.target(), &update);
        (present, wanted, told)
    }

    /// What became of a write of an event or of an exception.
    pub(super) fn answered_write(
        &mut self,
        job: Job,
        verdict: Verdict,
        response: &Response,
        wrote: Wrote,
        wanted: &Document,
    ) -> Flow<()> {
        let (series, exception) = match wrote {
            Wrote::Series(before) => (Some(before), None),
            Wrote::Exception(sent) => (None, Some(sent)),
        };
        let own = exception.as_ref().filter(|_| !self.provider.embeds_exceptions());
        let remote_id = own.map_or_else(|| job.scene.remote_id.clone(), |sent| sent.instance.id.clone());
        let before = series.unwrap_or_else(|| Self::agreed_remote(&job.scene));
        match verdict {
            Verdict::Done => {}
            Verdict::Changed if has(Bug::ChangedMeansDone) => return self.done(job, vec![]),
            // It may be that nothing brings a deleted occurrence back; or its series is gone.
            Verdict::NotFound
                if exception.as_ref().is_some_and(|sent| revives(&before, sent))
                    && !self.is_series_gone(&job.scene.remote_id)? =>
            {
                let recurrence_id = exception.map(|sent| sent.recurrence_id).unwrap_or_default();
                return self.refuse_exception(job, &recurrence_id, "deleted-occurrence", NO_WAY_BACK);
            }
            Verdict::Changed | Verdict::NotFound => return self.look_again(job, &remote_id, verdict),
            Verdict::Rejected { code, detail } => match exception {
                Some(sent) => return self.refuse_exception(job, &sent.recurrence_id, &code, detail),
                None => return self.give_up(job, &code, detail, vec![]),
            },
            _ => return Err(self.fail("unexpected-answer", "the provider answered a write in an unknown way")),
        }
        let mut news = None;
        let ends = before.document.overrides().is_some() && job.scene.remote_base().overrides().is_none();
        let present = match &exception {
            None => self.after_master(before.clone(), response)?.map(|mut present| {
                news = present.hold_back_news(&before, ends);
                present
            }),
            Some(sent) => self
                .after_exception(before, &sent.recurrence_id, sent.instance.clone(), response)
                // Deleted meanwhile, and what was written into it is seen by nobody: look.
                .filter(|present| sent.body.is_empty() || !present.excludes(&sent.recurrence_id)),
        };
        match present {
            Some(mut present) => {
                present.document.set_uid(&job.scene.uid);
                let apart = exception.is_some() && !self.provider.embeds_exceptions();
                let reached = exception
                    .filter(|sent| self.is_written(&present, wanted, &sent.recurrence_id, &sent.body))
                    .map(|sent| reached(&present.document, wanted, &sent.recurrence_id));
                let is_last = differing(reached.as_ref().unwrap_or(&present.document), wanted).is_empty();
                match apart && is_last && self.is_series_gone(&job.scene.remote_id)? {
                    // The deletion is what this edit has to be merged with.
                    true => self.look_again(job, &remote_id, Verdict::Changed),
                    false => self.written(job, present, wanted, reached.as_ref(), true, news),
                }
            }
            // The write was applied but its answer cannot be read: look.
            None => self.look_again(job, &remote_id, Verdict::Changed),
        }
    }

    /// The remote side after a write of the master: what came back, and its exceptions as they are now.
    fn after_master(&mut self, before: Present, response: &Response) -> Flow<Option<Present>> {
        let Ok(Row::Event(mut event)) = self.provider.read_row(&self.target(), &response.body) else { return Ok(None) };
        if self.provider.embeds_exceptions() && event.document.is_recurring() && event.exceptions.is_none() {
            // The answer to a write does not show them, and the write may have ended some. What a look says of the series
            // itself is newer than the write: if somebody edited it in between, a listing brings that (invariant I1).
            let mut seen = self.look_at(std::slice::from_ref(&event.id))?;
            let Some(Row::Event(whole)) = seen.rows.pop() else { return Ok(None) };
            (event.exceptions, event.exceptions_span) = (whole.exceptions, whole.exceptions_span);
        }
        let incarnation = before.notes.incarnation;
        if let Some(rows) = event.exceptions.take() {
            let mut known = before.notes;
            let made = std::mem::take(&mut known.instances);
            let present = self.with_master(*event, Some((before.document, known)));
            let mut present = self.placed(Present { notes: Notes { incarnation, ..present.notes }, ..present }, rows);
            present.remember(&made);
            return Ok(Some(present));
        }
        let (rows, lost) = self.read_exceptions(&before.notes, &before.document, &event.document)?;
        let mut known = before.notes;
        known.instances.retain(|_, instance| !lost.contains(&instance.id));
        let mut present = self.with_master(*event, Some((before.document, known)));
        present.notes.incarnation = incarnation;
        Ok(Some(self.placed(present, rows)))
    }

    fn placed(&self, mut present: Present, rows: Vec<RemoteException>) -> Present {
        for row in rows {
            if let Ok(placed) = self.provider.place(&self.target(), &row, &present.document) {
                present
                    .set_exception(placed, Instance { id: row.id, etag: row.etag, ours: false, ..Instance::default() });
            }
        }
        present
    }

    /// A write was accepted (or needs none). The new base holds what the provider returned, and the local side with
    /// its open exceptions as the provider has them: what differs from that is what is still to be written.
    pub(super) fn written(
        &mut self,
        job: Job,
        mut present: Present,
        wanted: &Document,
        reached: Option<&Document>,
        wrote: bool,
        news: Option<Present>,
    ) -> Flow<()> {
        if has(Bug::SentInsteadOfReturned) {
            present.document = wanted.clone();
        }
        if let Some(over_ms) = self.on_its_way_until(&job.scene.notes).filter(|_| !wrote) {
            return self.outwait(job, over_ms);
        }
        let Job { entry, scene } = job;
        let here = reached.unwrap_or(&present.document);
        let open = differing(here, wanted);
        let agreed = without_open(&scene.local.document, here, &open);
        present.notes.writes.clone_from(&scene.notes.writes);
        present.notes.sent.clear();
        present.notes.earlier.clear();
        present.notes.sent_ms = 0;
        if !open.is_empty() {
            present.notes.refused.clone_from(&scene.notes.refused);
            // An exception may have been written without an answer, before this.
            present.notes.earlier = scene.notes.left();
        }
        if wrote {
            self.report.pushed += 1;
        }
        // A series with many exceptions is many writes, but once: a write that leaves fewer of them open is progress.
        let progress = open.len() < differing(&scene.remote_base(), wanted).len();
        if wrote && (open.is_empty() || !progress) {
            present.notes.writes.push(self.now_ms);
            let surplus = present.notes.writes.len().saturating_sub(LOOP_WRITES);
            present.notes.writes.drain(..surplus);
        }
        let revision = scene.local.revision();
        let mut out = Pending::default();
        self.answered(&mut out.changes);
        let shadow = self.shadow(&scene, &present, &agreed, revision);
        let found = news.map(|news| self.settle_news(&shadow, news)).transpose()?;
        out.changes.push(Change::PutShadow(self.replica.id.clone(), shadow));
        let Some(found) = found else {
            return match open.is_empty() {
                true => self.conclude(&entry, revision, out.changes),
                false => self.commit(out.changes, vec![]),
            };
        };
        // All of it or nothing: should somebody have edited the event meanwhile, the answer counts as lost, and what was found
        // is found again with the write.
        if open.is_empty() {
            out.changes.extend(self.finished(&entry));
            out.expectations.push(Expectation::Event(self.replica.calendar.clone(), entry.uid, revision));
        }
        out.changes.extend(found.changes);
        out.expectations.extend(found.expectations);
        self.commit(out.changes, out.expectations)
    }

    // -- deleting

    fn delete(&mut self, mut job: Job) -> Flow<()> {
        let etag = job.scene.shadow.as_ref().map(|shadow| shadow.etag.clone()).unwrap_or_default();
        let request = self.provider.delete(&self.target(), &job.scene.remote_id, &etag, job.entry.notify_attendees);
        let verdict = self.send_deletion(&mut job.scene, request)?;
        match verdict {
            Verdict::NotFound if self.provider.may_hide() => {
                let remote_id = job.scene.remote_id.clone();
                self.look_again(job, &remote_id, verdict)
            }
            Verdict::Done | Verdict::NotFound => {
                self.report.pushed += 1;
                self.forget(job)
            }
            Verdict::Changed => {
                let remote_id = job.scene.remote_id.clone();
                self.look_again(job, &remote_id, verdict)
            }
            Verdict::Rejected { code, detail } => self.give_up(job, &code, detail, vec![]),
            _ => Err(self.fail("unexpected-answer", "the provider answered a deletion in an unknown way")),
        }
    }

    fn forget(&mut self, job: Job) -> Flow<()> {
        let Job { entry, scene } = job;
        let Some(shadow) = scene.shadow else { return Ok(()) };
        let mut notes = scene.notes;
        notes.incarnation += 1;
        notes.forget_writes();
        let revision = scene.local.revision();
        let buried = Shadow { gone: true, revision, remote: String::new(), local: None, notes: notes.text(), ..shadow };
        let mut changes = vec![Change::PutShadow(self.replica.id.clone(), buried)];
        self.answered(&mut changes);
        self.conclude(&entry, revision, changes)
    }

    // -- when it does not go straight

    /// A local edit of a calendar that may not be edited: put back what the provider has.
    fn take_back(&mut self, job: Job) -> Flow<()> {
        let Job { entry, mut scene } = job;
        let present = Self::agreed_remote(&scene);
        let mut out = Pending::default();
        let document = scene.local.base.clone();
        let revision = self.write_event(&mut out, &mut scene, &document, self.now_ms)?;
        self.write_shadow(&mut out, &scene, &present, &document, (revision, false));
        out.changes.extend(self.finished(&entry));
        self.commit(out.changes, out.expectations)
    }

    /// The provider will never accept it: a dead letter for this event, the rest goes on.
    pub(super) fn give_up(&mut self, job: Job, code: &str, detail: &str, mut changes: Vec<Change>) -> Flow<()> {
        let Job { entry, scene } = job;
        let mut failure = self.failure(FailureKind::Push, &scene.uid, code, detail, entry.attempts + 1);
        failure.uid = Some(scene.uid);
        failure.remote_id = Some(scene.remote_id).filter(|id| !id.is_empty());
        self.report.failed += 1;
        self.answered(&mut changes);
        changes.push(Change::PutFailure(failure));
        changes.extend(self.dequeued(&entry));
        self.commit(changes, vec![])
    }

    /// What was sent is taken back here, and was not applied: nothing to write.
    fn nothing_was_applied(&mut self, mut job: Job) -> Flow<()> {
        if let Some(over_ms) = self.on_its_way_until(&job.scene.notes) {
            return self.outwait(job, over_ms);
        }
        job.scene.notes.forget_writes();
        let notes = job.scene.notes.text();
        let shadow = job.scene.shadow.take().map(|shadow| Shadow { notes, ..shadow });
        let changes = shadow.map(|shadow| Change::PutShadow(self.replica.id.clone(), shadow)).into_iter().collect();
        self.done(job, changes)
    }

    /// Nothing (more) to write.
    fn done(&mut self, job: Job, mut changes: Vec<Change>) -> Flow<()> {
        self.answered(&mut changes);
        changes.extend(self.finished(&job.entry));
        self.commit(changes, vec![])
    }
}
