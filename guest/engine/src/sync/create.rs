//! Creates events at the provider. Whatever became of earlier tries, one event is made: a try whose answer was lost is
//! recognised by its deterministic id (invariant I3).

use super::look::id_of;
use super::present::Present;
use super::scene::{Job, Pending};
use super::session::{Flow, Session};
use crate::effects::{Change, ConflictWinner, Effects, PushEntry, Response, Shadow};
use crate::event::keys::align;
use crate::id;
use crate::limits::MAX_INCARNATIONS;
use crate::provider::{Candidates, New, Notes, Purpose, Refused, RemoteEvent, Row, Search, Skipped, Verdict};
use crate::seeded::{Bug, has};

impl<F: Effects> Session<'_, F> {
    pub(super) fn create(&mut self, mut job: Job) -> Flow<()> {
        if job.scene.notes.incarnation > MAX_INCARNATIONS {
            return self.give_up(
                job,
                "no-free-id",
                "the provider has used up every id of this event; create it anew",
                vec![],
            );
        }
        let salt = if has(Bug::RandomId) { self.fx.random() as u32 } else { 0 };
        let remote_id = id::client_id(&self.replica, &job.scene.uid, job.scene.notes.incarnation ^ salt);
        let mark = match has(Bug::NoMark) {
            false => id::origin_mark(&self.replica, &job.scene.uid),
            true => String::new(),
        };
        let (document, notify) = (job.scene.local.document.clone(), job.entry.notify_attendees);
        let new = New { client_id: &remote_id, mark: &mark, document: &document, notify };
        let request = match self.provider.create(&self.target(), &new) {
            Ok(request) => request,
            Err(Refused { code, detail }) => return self.give_up(job, code, detail, vec![]),
        };
        let has_tried = !job.scene.notes.sent.is_empty();
        self.announce_creation(&mut job.scene)?;
        let (verdict, response) = self.exchange(Purpose::Create, request)?;
        match verdict {
            Verdict::Done if self.provider.is_older(&response.body) => self.meet(job, &new, &response),
            Verdict::Done => self.created(job, &response),
            Verdict::Duplicate => self.adopt(job, &new, has_tried),
            Verdict::NotFound => {
                Err(self.fail("calendar-not-found", "the provider does not know the calendar; check its id"))
            }
            Verdict::Rejected { code, detail } => self.give_up(job, &code, detail, vec![]),
            _ => Err(self.fail("unexpected-answer", "the provider answered a creation in an unknown way")),
        }
    }

    /// An earlier try made it, its answer was lost, and since then somebody changed it: both sides meet.
    fn meet(&mut self, job: Job, new: &New<'_>, response: &Response) -> Flow<()> {
        match self.provider.read_row(&self.target(), &response.body) {
            Ok(Row::Event(event)) => self.take_over(job, RemoteEvent { mark: Some(new.mark.to_owned()), ..*event }),
            _ => self.created(job, response),
        }
    }

    /// Both sides meet, a series with its exceptions: no later page shows what became of them before.
    fn take_over(&mut self, job: Job, event: RemoteEvent) -> Flow<()> {
        let Job { mut entry, scene } = job;
        let is_whole = !event.document.is_recurring() || event.exceptions.is_some();
        let rows = match is_whole || !self.provider.embeds_exceptions() {
            true => vec![Row::Event(Box::new(event))],
            false => {
                let seen = self.look_at(std::slice::from_ref(&event.id))?;
                if seen.rows.is_empty() {
                    return self.wait_for(seen, entry);
                }
                seen.rows
            }
        };
        // Should it come to nothing, it is not tried for ever at once.
        let told = self.postpone_contested(&mut entry, &scene);
        self.absorb(rows, told.into_iter().chain([Change::Postpone(entry)]).collect())
    }

    fn created(&mut self, mut job: Job, response: &Response) -> Flow<()> {
        let Ok(Row::Event(event)) = self.provider.read_row(&self.target(), &response.body) else {
            return Err(self.fail("damaged-answer", "the provider's answer to a creation is not an event"));
        };
        job.scene.remote_id.clone_from(&event.id);
        let mut present = Present {
            etag: event.etag,
            updated_ms: event.updated_ms,
            document: event.document,
            notes: Notes { lines: event.lines, read_only: !event.writable, ..Notes::default() },
            mark: event.mark,
            alone: false,
        };
        present.document.set_uid(&job.scene.uid);
        present.notes.incarnation = job.scene.notes.incarnation;
        let target = job.scene.local.document.clone();
        let to = align(&target, &present.document);
        // A repeated creation may be answered with the first one, and the event was edited here in between: what was
        // agreed on is what was sent then, and the rest is written next. Somebody may have edited it there, too: that is kept
        // in a record.
        let stale = self.provider.embeds_exceptions() && matches!(self.difference(&present, &to), Ok(Some(_)));
        if !stale {
            return self.written(job, present, &target, None, true, None);
        }
        self.report.pushed += 1;
        let mut out = Pending::default();
        self.answered(&mut out.changes);
        let sent = self.created_as(&job.scene.notes, &present);
        self.late_answer(&mut out, &job.scene, &present, sent.as_ref().unwrap_or(&present.document));
        if sent.is_none() {
            let outcome = Some(target.text().to_owned());
            self.conflict(&mut out, &job.scene, Some(&present), outcome, &[], ConflictWinner::Local);
        }
        self.commit(out.changes, out.expectations)
    }

    /// What an earlier try made, where this page shows it: what is known as another event is a copy.
    fn made_before(&mut self, uid: &str, page: &[u8]) -> Flow<Result<Search<Row>, Skipped>> {
        let Candidates { rows, next } = match self.provider.read_created(&self.target(), page) {
            Ok(candidates) => candidates,
            Err(skipped) => return Ok(Err(skipped)),
        };
        let id = |row: &Result<Row, Skipped>| match row {
            Ok(row) => id_of(row),
            Err(skipped) => skipped.remote_id.clone().unwrap_or_default(),
        };
        let known = self.live(rows.iter().map(id))?;
        let mut own = rows.into_iter().filter(|row| known.get(&id(row)).is_none_or(|shadow| shadow.uid == uid));
        let after = next.map_or(Search::Nothing, Search::Next);
        Ok(own.next().map_or(Ok(after), |row| row.map(Search::Found)))
    }

    /// The id is taken: by our own earlier try whose answer was lost, or by an event that was deleted.
    fn adopt(&mut self, mut job: Job, new: &New<'_>, has_tried: bool) -> Flow<()> {
        let mut is_gone = false;
        let (purpose, request) = self.provider.find_created(&self.target(), new);
        let uid = job.scene.uid.clone();
        let (verdict, found) = self.search(purpose, request, |session, body| session.made_before(&uid, body))?;
        if verdict == Verdict::NotFound && purpose == Purpose::Read && self.provider.may_hide() {
            // Of its id something was made, which is shown, at least as deleted.
            return Err(self.fail("event-not-found", "the provider hides an event that it says is there"));
        }
        match (verdict, found) {
            (Verdict::Done, Ok(Search::Found(Row::Event(event))))
                if !has(Bug::DuplicateNotAdopted) && event.mark.as_deref() == Some(new.mark) =>
            {
                return self.take_over(job, *event);
            }
            (Verdict::Done, Ok(Search::Next(_))) => {
                return Err(self.fail("unexpected-answer", "the provider's answer to a search has no end"));
            }
            (Verdict::NotFound, _) if purpose == Purpose::List => {
                return Err(self.fail("calendar-not-found", "the provider does not know the calendar; check its id"));
            }
            (Verdict::Done, Ok(Search::Nothing | Search::Found(Row::Gone(_)))) | (Verdict::NotFound, _) => {
                is_gone = true
            }
            (Verdict::Done, Ok(_)) => {}
            (Verdict::Done, Err(skipped)) if skipped.remote_id.is_none() => {
                return Err(self.fail("damaged-answer", "the provider's answer to a search for an event is damaged"));
            }
            // It may be ours: another id now could make it twice.
            _ => {
                let detail = "the provider has an event under this id and does not show it; look there, then replay";
                return self.give_up(job, "id-taken", detail, vec![]);
            }
        }
        // Deleted, or somebody else's: that id can never be ours again.
        let mut out = Pending::default();
        self.answered(&mut out.changes);
        if is_gone && has_tried {
            // An earlier try may have made it, and somebody deleted it before it was seen here. Whether that was so nothing
            // says for certain: it is made again, and people are told.
            let outcome = Some(new.document.text().to_owned());
            self.conflict(&mut out, &job.scene, None, outcome, &[], ConflictWinner::Local);
        }
        job.scene.notes.incarnation += 1;
        job.scene.notes.forget_writes();
        let shadow = Shadow { notes: job.scene.notes.text(), ..self.absent(&job.scene.uid, new.client_id) };
        out.changes.push(Change::PutShadow(self.replica.id.clone(), shadow));
        // With its entry: a worker whose store lags behind may be the only one that thinks it is still there.
        out.changes.push(Change::Enqueue(PushEntry { due_ms: self.now_ms, ..job.entry }));
        self.commit(out.changes, out.expectations)
    }
}
