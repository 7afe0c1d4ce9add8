//! What was sent, and what became of it: noted before it is sent, recognised when the provider shows it. So a write is ours
//! whatever happens to its request, its answer or this process, and is never taken for somebody's edit (invariants I3, I6).

use serde_json::{Map, Value};

use super::arrive::rebased;
use super::plan::State;
use super::present::{Present, differing, overrides, without_open};
use super::scene::{Job, Local, Pending, Scene, remote_base, wanted_remote};
use super::session::{Flow, Session};
use crate::effects::{Change, Effects, Expectation, Request, Response, Shadow, TimeMs};
use crate::event::keys::align;
use crate::event::{Document, is_excluded};
use crate::limits::{ON_ITS_WAY_MS, UNANSWERED};
use crate::provider::{Notes, Purpose, Verdict};
use crate::recurrence;
use crate::seeded::{Bug, has};

impl<F: Effects> Session<'_, F> {
    // -- before it is sent

    /// Write an event that is known, or one of its exceptions: `wanted` is the whole of it when all is written.
    pub(super) fn write(
        &mut self,
        scene: &mut Scene,
        wanted: &Document,
        purpose: Purpose,
        request: Request,
    ) -> Flow<(Verdict, Response)> {
        let noted = scene.notes.clone();
        note_sent(&mut scene.notes, wanted);
        self.send(scene, noted, purpose, request)
    }

    /// Delete an event. Made again here before the answer is known, it is nobody else's deletion.
    pub(super) fn send_deletion(&mut self, scene: &mut Scene, request: Request) -> Flow<Verdict> {
        let noted = scene.notes.clone();
        scene.notes.deleted = true;
        let (verdict, _) = self.send(scene, noted, Purpose::Delete, request)?;
        Ok(verdict)
    }

    /// What is about to be sent is noted before it is sent: whatever becomes of the request, its answer or this process, the
    /// provider's event is recognised as ours, in whole or in part, also when the local one has gone on by then
    /// (invariants I3, I6). Other changes of the shadow in `scene` are stored with it. What was not sent before and is refused
    /// is not there.
    fn send(
        &mut self,
        scene: &mut Scene,
        noted: Notes,
        purpose: Purpose,
        request: Request,
    ) -> Flow<(Verdict, Response)> {
        scene.notes.sent_ms = self.now_ms;
        self.store_notes(scene)?;
        let (verdict, response) = self.exchange(purpose, request)?;
        if matches!(verdict, Verdict::Changed | Verdict::Rejected { .. }) {
            scene.notes = noted;
            self.store_notes(scene)?;
        }
        Ok((verdict, response))
    }

    /// When none of the requests that were noted can be on its way any more, where that is still to come. Where the clock went
    /// back it counts from now on.
    pub(super) fn on_its_way_until(&self, notes: &Notes) -> Option<TimeMs> {
        let over_ms = notes.sent_ms.min(self.now_ms) + ON_ITS_WAY_MS;
        Some(over_ms).filter(|over_ms| self.now_ms < *over_ms)
    }

    /// What was sent is not there and not wanted any more, but may still come: it is remembered until then, and the entry waits.
    pub(super) fn outwait(&mut self, job: Job, over_ms: TimeMs) -> Flow<()> {
        let Job { mut entry, mut scene } = job;
        scene.notes.sent_ms = scene.notes.sent_ms.min(self.now_ms);
        entry.due_ms = over_ms;
        let mut changes = vec![Change::Postpone(entry)];
        let notes = scene.notes.text();
        let shadow = scene.shadow.map(|shadow| Shadow { notes, ..shadow });
        changes.extend(shadow.map(|shadow| Change::PutShadow(self.replica.id.clone(), shadow)));
        self.answered(&mut changes);
        self.commit(changes, vec![])
    }

    /// What is noted already is stored again: a store that lags behind would let an older decision be written, and only a commit
    /// is refused for that.
    fn store_notes(&mut self, scene: &mut Scene) -> Flow<()> {
        let Some(shadow) = scene.shadow.as_mut().filter(|shadow| !shadow.gone) else { return Ok(()) };
        if has(Bug::SentNotNoted) {
            return Ok(());
        }
        shadow.notes = scene.notes.text();
        let shadow = shadow.clone();
        self.commit(vec![Change::PutShadow(self.replica.id.clone(), shadow)], vec![])
    }

    /// The same before a creation: no remote id is known yet. The store is asked whether the decision still holds, because one
    /// that lags behind may show an event that was deleted since (invariant I3).
    pub(super) fn announce_creation(&mut self, scene: &mut Scene) -> Flow<()> {
        note_sent(&mut scene.notes, &scene.local.document);
        let revision = scene.local.revision();
        let current = Expectation::Event(self.replica.calendar.clone(), scene.uid.clone(), revision);
        let shadow = scene.shadow.take().unwrap_or_else(|| self.absent(&scene.uid, ""));
        let shadow = Shadow { notes: scene.notes.text(), ..shadow };
        scene.shadow = Some(shadow.clone());
        self.commit(vec![Change::PutShadow(self.replica.id.clone(), shadow)], vec![current])
    }

    // -- when it is shown

    /// Whether the provider shows an event that is deleted here as it was sent there without an answer, or as it was at its
    /// end.
    pub(super) fn is_own_write(&self, local: &Local, shadow: Option<&Shadow>, present: &Present) -> bool {
        if local.state != State::Deleted || has(Bug::OwnWriteTakenForEdit) {
            return false;
        }
        let shadow = shadow.filter(|shadow| !shadow.gone);
        let base = shadow.map(|shadow| remote_base(shadow, local)).unwrap_or_default();
        let notes = Notes::of(shadow);
        let mut told = told(&notes, present);
        told.push(align(&wanted_remote(local, &base), &present.document));
        let base = align(&base, &present.document);
        // One request writes all of the event or series itself, or nothing.
        let is = |document: &Document| self.difference(present, document) == Ok(None);
        let apart = Apart { session: self, present, told: &told, base: &base, notes: &notes };
        (told.iter().any(is) || is(&base)) && apart.are_all_ours()
    }

    /// What was sent to create an event that the provider shows just so, without the exceptions that are still to be written.
    pub(super) fn created_as(&self, notes: &Notes, present: &Present) -> Option<Document> {
        let mut sent = notes.sent.iter().filter_map(|sent| Document::parse(sent).ok());
        let now = overrides(&present.document);
        sent.find(|sent| {
            let to = align(sent, &present.document);
            let after = overrides(&to);
            self.difference(present, &to) == Ok(None) && now.iter().all(|(id, patch)| after.get(id) == Some(patch))
        })
        .filter(|_| !has(Bug::OwnWriteTakenForEdit))
    }

    /// What the lost answer to a creation would have said: both sides agree on what was sent, and what was done here since
    /// is written next (invariants I3, I6).
    pub(super) fn late_answer(&mut self, out: &mut Pending, scene: &Scene, present: &Present, sent: &Document) {
        let open = differing(&present.document, &align(sent, &present.document));
        let agreed = without_open(sent, &present.document, &open);
        let revision = scene.local.revision();
        self.write_shadow(out, scene, present, &agreed, (revision, true));
        self.queue(out, scene);
    }
}

/// What was sent without an answer, with the keys that the provider's items have now.
pub(super) fn told(notes: &Notes, present: &Present) -> Vec<Document> {
    let sent = notes.unanswered().filter_map(|sent| Document::parse(sent).ok());
    sent.map(|sent| align(&sent, &present.document)).collect()
}

/// The exceptions that the provider shows: they are written one by one, and stay as they were when their series changes.
pub(super) struct Apart<'a, 's, F: Effects> {
    pub(super) session: &'a Session<'s, F>,
    pub(super) present: &'a Present,
    /// What was sent.
    pub(super) told: &'a [Document],
    /// The remote half of the base.
    pub(super) base: &'a Document,
    pub(super) notes: &'a Notes,
}

impl<F: Effects> Apart<'_, '_, F> {
    /// Whether nobody else has touched one: it is as it was sent, as it is known, or what is left of one.
    pub(super) fn is_ours(&self, id: &str) -> bool {
        let (now, base) = (&self.present.document, self.base);
        let known = value(base, id);
        // What is left of an exception at a date that the series did not have hides that date when it has it again.
        let is_left = || {
            value(now, id).is_some_and(is_excluded)
                && self.notes.instances.contains_key(id)
                && !recurrence::contains(base.value(), id).unwrap_or(true)
        };
        self.was_sent(id) || self.is(id, base, known) || is_left()
    }

    /// Whether it is as it was sent.
    pub(super) fn was_sent(&self, id: &str) -> bool {
        self.told.iter().any(|series| self.is(id, series, value(series, id)))
    }

    /// As it was sent or known, as far as the provider can say it; or what it said next to the series as it was before, or as
    /// it was sent with it. One with a row of its own does so also when it says nothing.
    fn is(&self, id: &str, series: &Document, known: Option<&Value>) -> bool {
        let document = &self.present.document;
        let now = value(document, id);
        if now == known {
            return true;
        }
        let nothing = Value::Object(Map::new());
        let known = known.or_else(|| self.notes.instances.contains_key(id).then_some(&nothing));
        let Some(known) = known else { return false };
        let kept = |series| rebased((series, id), (document, id), known);
        let told = [known.clone(), kept(self.base), kept(series)];
        if told.iter().any(|told| now == Some(told)) {
            return true;
        }
        let before = rebased((self.base, id), (document, id), value(self.base, id).unwrap_or(&nothing));
        told.iter().any(|told| self.session.is_alike(self.present, id, told, &before))
    }

    fn are_all_ours(&self) -> bool {
        let [now, before] = [&self.present.document, self.base].map(overrides);
        now.keys().chain(before.keys()).all(|id| self.is_ours(id))
    }
}

fn value<'a>(series: &'a Document, id: &str) -> Option<&'a Value> {
    series.overrides()?.get(id)
}

/// Remember what is sent. Of several, one at most was applied: all of them name the version that was there before.
fn note_sent(notes: &mut Notes, document: &Document) {
    if !notes.sent.iter().any(|sent| sent == document.text()) {
        notes.sent.truncate(UNANSWERED - 1);
        notes.sent.push(document.text().to_owned());
    }
}

/// The provider forgets exceptions when their series is at other times. That is agreed on before the write: should its answer
/// or the look afterwards be lost, their absence is nobody's edit, and they are written again (invariant I1).
pub(super) fn expect_no_exceptions(scene: &mut Scene) {
    let mut remote = scene.remote_base();
    let Some(shadow) = scene.shadow.as_mut().filter(|_| !overrides(&remote).is_empty()) else { return };
    // Should it not be applied at all, they stay as they are.
    note_sent(&mut scene.notes, &remote);
    remote.set_overrides(Map::new());
    scene.local.base.set_overrides(Map::new());
    scene.notes.instances.clear();
    let local = scene.local.base.text();
    shadow.local = (local != remote.text()).then(|| local.to_owned());
    shadow.remote = remote.text().to_owned();
}
