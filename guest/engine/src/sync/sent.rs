//! What was sent, and what became of it: noted before it is sent, recognised when the provider shows it. So a write is ours
//! whatever happens to its request, its answer or this process, and is never taken for somebody's edit (invariants I3, I6).

use serde_json::{Map, Value};

use super::arrive::rebased;
use super::plan::State;
use super::present::{Present, differing, overrides, without_open};
use super::scene::{Local, Pending, Scene, remote_base, wanted_remote};
use super::session::{Flow, Session};
use crate::effects::{Change, Effects, Expectation, Request, Response, Shadow};
use crate::event::keys::align;
use crate::event::merge::{Preference, Side, Versions, merge};
use crate::event::{Document, is_excluded};
use crate::limits::UNANSWERED;
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
        self.announce(scene, wanted)?;
        self.exchange(purpose, request)
    }

    /// What is about to be sent is noted before it is sent: whatever becomes of the request, its answer or this process, the
    /// provider's event is recognised as ours, in whole or in part, also when the local one has gone on by then
    /// (invariants I3, I6). Other changes of the shadow in `scene` are stored with it.
    fn announce(&mut self, scene: &mut Scene, wanted: &Document) -> Flow<()> {
        note_sent(&mut scene.notes, wanted);
        self.store_notes(scene)
    }

    /// The same before a deletion: made again here before the answer is known, the event is nobody else's deletion.
    pub(super) fn announce_deletion(&mut self, scene: &mut Scene) -> Flow<()> {
        scene.notes.deleted = true;
        self.store_notes(scene)
    }

    fn store_notes(&mut self, scene: &mut Scene) -> Flow<()> {
        let Some(shadow) = scene.shadow.as_mut().filter(|shadow| !shadow.gone) else { return Ok(()) };
        let notes = scene.notes.text();
        if notes == shadow.notes || has(Bug::SentNotNoted) {
            return Ok(());
        }
        shadow.notes = notes;
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

    /// Whether the provider shows what was sent there without an answer, or a deleted event just as it was here at its end.
    pub(super) fn is_own_write(&self, local: &Local, shadow: Option<&Shadow>, present: &Present) -> bool {
        if !matches!(local.state, State::Deleted | State::Changed) || has(Bug::OwnWriteTakenForEdit) {
            return false;
        }
        let shadow = shadow.filter(|shadow| !shadow.gone);
        let base = shadow.map(|shadow| remote_base(shadow, local)).unwrap_or_default();
        let notes = Notes::of(shadow);
        let sent = notes.sent.iter().filter_map(|sent| Document::parse(sent).ok());
        let last = (local.state == State::Deleted).then(|| wanted_remote(local, &base));
        let told: Vec<Document> = sent.chain(last).map(|sent| align(&sent, &present.document)).collect();
        let base = align(&base, &present.document);
        told.iter().any(|sent| self.is_told(present, sent, &base)) && is_told_apart(present, &told, &base, &notes)
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
        self.write_shadow(out, scene, present, &agreed, revision);
        self.queue(out, scene);
    }

    /// Whether the provider shows nothing of the event or series itself that is neither known nor was sent: a write may have
    /// been applied in part.
    fn is_told(&self, present: &Present, sent: &Document, base: &Document) -> bool {
        let versions = Versions { local_base: base, local: sent, remote_base: base, remote: &present.document };
        let both = merge(versions, Preference { winner: Side::Remote, edit_beats_delete: false }).local;
        let both = Present { document: both, ..present.clone() };
        self.difference(&both, sent) == Ok(None)
    }
}

/// The same of its exceptions, which are written one by one, and stay as they were when their series changes.
fn is_told_apart(present: &Present, told: &[Document], base: &Document, notes: &Notes) -> bool {
    let [now, before] = [&present.document, base].map(overrides);
    let told: Vec<(&Document, Map<String, Value>)> = told.iter().map(|sent| (sent, overrides(sent))).collect();
    // As it was sent or known; or what it said next to the series as it was before, or as it was sent with it.
    let is = |id: &String, series: &Document, known: Option<&Value>| {
        let kept = |series| known.map(|known| rebased((series, id), (&present.document, id), known));
        now.get(id) == known || now.get(id) == kept(base).as_ref() || now.get(id) == kept(series).as_ref()
    };
    // What is left of an exception at a date that the series did not have hides that date when it has it again.
    let is_left = |id: &String| {
        now.get(id).is_some_and(is_excluded)
            && notes.instances.contains_key(id)
            && !recurrence::contains(base.value(), id).unwrap_or(true)
    };
    let is_ours = |id: &String| {
        let was_sent = told.iter().any(|(series, all)| is(id, series, all.get(id)));
        was_sent || is(id, base, before.get(id)) || is_left(id)
    };
    now.keys().chain(before.keys()).all(is_ours)
}

/// Remember what is sent. The first of several knew the provider's version: that is the one which may have been applied.
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
