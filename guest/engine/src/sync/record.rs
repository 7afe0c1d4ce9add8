//! What a decision leaves behind, as changes of one batch: the event, its shadow, a conflict, entries for other replicas.
//! A local event is only changed under the revision that it was decided on (invariant I1).

use super::plan::State;
use super::present::Present;
use super::scene::{Pending, Scene};
use super::session::{Flow, Session, Stop};
use crate::effects::{
    Change, ConflictPolicy, ConflictRow, ConflictWinner, END_OF_TIME, Effects, EventRow, Expectation, FailureKind,
    PushEntry, Shadow,
};
use crate::event::Document;
use crate::event::merge::Clash;
use crate::id;
use crate::provider::Notes;
use crate::recurrence;
use crate::seeded::{Bug, has};

impl<F: Effects> Session<'_, F> {
    /// Nothing changed: only remember that it was seen, when there is something new to remember.
    pub(super) fn seen(&self, out: &mut Pending, shadow: &Shadow, present: &Present) {
        let generation = self.generation(present, Some(shadow));
        let replica = self.replica.id.clone();
        let notes = present.notes.text();
        if notes != shadow.notes {
            let shadow = Shadow { etag: present.etag.clone(), generation, notes, ..shadow.clone() };
            out.changes.push(Change::PutShadow(replica, shadow));
        } else if present.etag != shadow.etag || generation != shadow.generation {
            out.changes.push(Change::TouchShadow(replica, shadow.uid.clone(), generation, present.etag.clone()));
        }
    }

    /// Keep only the memory that the remote id is used up.
    pub(super) fn bury(&mut self, out: &mut Pending, scene: &Scene, revision: u64) {
        let Some(shadow) = &scene.shadow else { return };
        let mut notes = scene.notes.clone();
        notes.forget_writes();
        let buried = Shadow {
            gone: true,
            revision,
            generation: self.state.generation,
            remote: String::new(),
            local: None,
            notes: notes.text(),
            ..shadow.clone()
        };
        out.changes.push(Change::PutShadow(self.replica.id.clone(), buried));
    }

    /// A shadow of an event that the provider does not have, or that is not known by any id yet.
    pub(super) fn absent(&self, uid: &str, remote_id: &str) -> Shadow {
        Shadow {
            uid: uid.to_owned(),
            remote_id: remote_id.to_owned(),
            etag: String::new(),
            revision: 0,
            generation: self.state.generation,
            gone: true,
            remote: String::new(),
            local: None,
            notes: String::new(),
        }
    }

    pub(super) fn queue(&mut self, out: &mut Pending, scene: &Scene) {
        let revision = scene.local.row.as_ref().map_or(1, |row| row.revision);
        out.changes.push(self.queue_here(&scene.uid, revision));
    }

    /// Store a shadow whose local half is `agreed`, at a revision. What was sent before without an answer is over, but for
    /// exceptions where something is left to be written.
    pub(super) fn write_shadow(
        &mut self,
        out: &mut Pending,
        scene: &Scene,
        present: &Present,
        agreed: &Document,
        (revision, is_open): (u64, bool),
    ) {
        let earlier = if is_open { present.notes.left() } else { Vec::new() };
        let notes = Notes { sent: Vec::new(), earlier, deleted: false, sent_ms: 0, ..present.notes.clone() };
        let shadow = Shadow { notes: notes.text(), ..self.shadow(scene, present, agreed, revision) };
        out.changes.push(Change::PutShadow(self.replica.id.clone(), shadow));
    }

    /// A shadow whose local half is `agreed`.
    pub(super) fn shadow(&mut self, scene: &Scene, present: &Present, agreed: &Document, revision: u64) -> Shadow {
        let generation = self.generation(present, scene.shadow.as_ref());
        self.awaits_listing(generation);
        let (remote, local) = (present.document.text(), agreed.text());
        Shadow {
            uid: scene.uid.clone(),
            remote_id: scene.remote_id.clone(),
            etag: present.etag.clone(),
            revision,
            generation,
            gone: false,
            local: (local != remote).then(|| local.to_owned()),
            remote: remote.to_owned(),
            notes: present.notes.text(),
        }
    }

    /// Commit what came of the last write for an entry. Where the event is not any more what was written (it was edited
    /// meanwhile, or a store that lags behind showed an older one), the entry stays, and is decided anew.
    pub(super) fn conclude(&mut self, entry: &PushEntry, revision: u64, mut changes: Vec<Change>) -> Flow<()> {
        let current = Expectation::Event(self.replica.calendar.clone(), entry.uid.clone(), revision);
        let mut all = changes.clone();
        all.extend(self.finished(entry));
        match self.commit(all, vec![current]) {
            Err(Stop::Stale) => {}
            result => return result,
        }
        changes.push(Change::Enqueue(entry.clone()));
        self.commit(changes, vec![])
    }

    /// What is to be forgotten when nothing is left to be written.
    pub(super) fn finished(&self, entry: &PushEntry) -> Vec<Change> {
        let told = Change::DeleteFailure(id::failure_id(&self.replica.id, FailureKind::Push, &entry.uid));
        self.dequeued(entry).into_iter().chain([told]).collect()
    }

    /// The same when nothing more is tried: what was written too often does not wait any longer, and other records stay.
    pub(super) fn dequeued(&self, entry: &PushEntry) -> [Change; 2] {
        [
            Change::Dequeue(entry.replica.clone(), entry.uid.clone(), entry.revision),
            Change::DeleteFailure(id::failure_id(&self.replica.id, FailureKind::Guard, &entry.uid)),
        ]
    }

    /// Store a local document when it differs from what is there. Returns its revision.
    pub(super) fn write_event(
        &mut self,
        out: &mut Pending,
        scene: &mut Scene,
        document: &Document,
        updated_ms: u64,
    ) -> Flow<u64> {
        let (before, revision) = (scene.local.row.as_ref(), scene.local.revision());
        let text = document.text();
        if before.is_some_and(|row| !row.deleted && row.document == text) {
            return Ok(revision);
        }
        let (start_ms, end_ms) = recurrence::span(document.value(), self.zones).unwrap_or((0, END_OF_TIME));
        let row = EventRow {
            uid: scene.uid.clone(),
            revision: revision + 1,
            deleted: false,
            start_ms,
            end_ms,
            recurring: document.is_recurring(),
            updated_ms,
            document: text.to_owned(),
        };
        self.put(out, scene, revision, row)
    }

    pub(super) fn delete_event(&mut self, out: &mut Pending, scene: &mut Scene) -> Flow<u64> {
        let Some(row) = scene.local.row.clone().filter(|row| !row.deleted) else {
            return Ok(scene.local.revision());
        };
        let before = row.revision;
        let row = EventRow { revision: before + 1, deleted: true, updated_ms: self.now_ms, ..row };
        self.put(out, scene, before, row)
    }

    fn put(&mut self, out: &mut Pending, scene: &mut Scene, before: u64, row: EventRow) -> Flow<u64> {
        let (calendar, uid, revision) = (self.replica.calendar.clone(), row.uid.clone(), row.revision);
        out.expectations.push(Expectation::Event(calendar.clone(), uid.clone(), before));
        scene.local.row = Some(row.clone());
        out.changes.push(Change::PutEvent(calendar, row));
        self.tell_others(&uid, revision, &mut out.changes)?;
        self.report.applied += 1;
        Ok(revision)
    }

    pub(super) fn conflict(
        &mut self,
        out: &mut Pending,
        scene: &Scene,
        present: Option<&Present>,
        outcome: Option<String>,
        clashes: &[Clash],
        winner: ConflictWinner,
    ) {
        let remote = present.map(|present| present.document.text().to_owned());
        let asked = self.replica.policy == ConflictPolicy::Ask;
        let agreed = scene.shadow.as_ref().filter(|shadow| !shadow.gone);
        let revision = scene.local.revision();
        let conflict = ConflictRow {
            id: id::conflict_id(&self.replica.id, &scene.uid, revision, remote.as_deref().unwrap_or_default()),
            replica: self.replica.id.clone(),
            uid: scene.uid.clone(),
            found_ms: self.now_ms,
            paths: if clashes.is_empty() {
                vec![String::new()]
            } else {
                clashes.iter().map(|c| c.pointer.clone()).collect()
            },
            base: agreed.map(|_| scene.local.base.text().to_owned()),
            local: (scene.local.state != State::Deleted).then(|| scene.local.document.text().to_owned()),
            remote,
            outcome,
            winner,
            decided_by: if asked { String::new() } else { "policy".into() },
            open: asked,
        };
        if !has(Bug::NoConflictRecord) {
            out.changes.push(Change::PutConflict(conflict));
        }
        self.report.conflicts += 1;
    }
}
