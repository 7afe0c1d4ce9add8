//! Writes exceptions of a series, one at a time: each has a row and a version of its own at the provider.

use serde_json::{Map, Value};

use super::applied::groups;
use super::occurrence::{Found, Missing};
use super::present::{Present, differing, overrides};
use super::push::{NO_WAY_BACK, Wrote};
use super::scene::Job;
use super::session::{Flow, Session};
use crate::effects::{Change, Effects, FailureKind, Response, Shadow};
use crate::event::keys::align;
use crate::event::{Document, is_excluded};
use crate::provider::{Instance, Placed, Purpose, Refused, Row, Update};
use crate::recurrence::{self, exception};
use crate::seeded::{Bug, has};

/// A write of an exception.
pub(super) struct Sent {
    /// Which occurrence.
    pub(super) recurrence_id: String,
    /// Its row at the provider.
    pub(super) instance: Instance,
    /// What was sent; empty for a deletion.
    pub(super) body: Vec<u8>,
}

impl<F: Effects> Session<'_, F> {
    /// Write the first exception that differs; when none does, both sides agree.
    pub(super) fn update_exception(&mut self, mut job: Job, present: Present, wanted: &Document) -> Flow<()> {
        let open = differing(&present.document, wanted);
        let refused = |id: &String| present.notes.refused.contains(id);
        let Some(recurrence_id) = open.iter().find(|id| !refused(id)).cloned() else {
            return match open.is_empty() {
                true => self.written(job, present, wanted, None, false, None),
                false => self.leave_refused(job, present),
            };
        };
        let (before, after) = (overrides(&present.document), overrides(wanted));
        let (before, after) = (before.get(&recurrence_id), after.get(&recurrence_id));
        // An occurrence that is excluded, or that the changed series does not have any more.
        let hidden = match after {
            Some(patch) => is_excluded(patch),
            None => !recurrence::contains(wanted.value(), &recurrence_id).unwrap_or(true),
        };
        if hidden && (before.is_some_and(is_excluded) || has(Bug::DeletedOccurrenceKept)) {
            return self.skip_exception(job, present, &recurrence_id, wanted);
        }
        let instance = match present.notes.instances.get(&recurrence_id) {
            // Excluded here, and the provider's series has no such date: perhaps it had, and what is left of that is no more.
            _ if hidden && before.is_none() && self.lacks(&present, &recurrence_id) => {
                return self.skip_exception(job, present, &recurrence_id, wanted);
            }
            // Without a version tag it would be written blind.
            Some(instance) if !instance.etag.is_empty() => instance.clone(),
            _ => match self.find_instance(&job, &present, &recurrence_id)? {
                Found::AsKnown(instance) => instance,
                // Somebody changed the occurrence, and it was not announced yet: that comes first.
                Found::Changed(row) => return self.take_in(job, row),
                Found::Nothing if !hidden && before.is_some_and(is_excluded) => {
                    return self.refuse_exception(job, &recurrence_id, "deleted-occurrence", NO_WAY_BACK);
                }
                Found::Nothing => return self.look_for(job, present, &recurrence_id, Missing::Hidden(hidden), wanted),
                Found::Refused(code, detail) => {
                    return self.look_for(job, present, &recurrence_id, Missing::Refused(code, detail), wanted);
                }
            },
        };
        let notify = job.entry.notify_attendees;
        if hidden {
            let request = self.provider.delete(&self.target(), &instance.id, &instance.etag, notify);
            let (verdict, response) = self.write(&mut job.scene, wanted, Purpose::Delete, request)?;
            let sent = Sent { recurrence_id, instance, body: Vec::new() };
            return self.answered_write(job, verdict, &response, Wrote::Exception(sent), wanted);
        }
        let from = occurrence(&present.document, &recurrence_id, before.filter(|patch| !is_excluded(patch)));
        let to = occurrence(&present.document, &recurrence_id, after);
        let lines = present.notes.lines_of(&instance);
        let update = Update {
            remote_id: &instance.id,
            etag: &instance.etag,
            from: &from,
            to: &to,
            lines: &lines,
            notify,
            revive: before.is_some_and(is_excluded),
        };
        let request = match self.provider.update(&self.target(), &update) {
            Ok(Some(request)) => request,
            Ok(None) => return self.skip_exception(job, present, &recurrence_id, wanted),
            Err(Refused { code, detail }) => return self.refuse_exception(job, &recurrence_id, code, detail),
        };
        let sent = Sent { recurrence_id, instance, body: request.body.clone() };
        let (verdict, response) = self.write(&mut job.scene, wanted, Purpose::Update, request)?;
        self.answered_write(job, verdict, &response, Wrote::Exception(sent), wanted)
    }

    /// Whether an exception is written: the provider has nothing left to be told, or would be told the same again. Its
    /// own ways with a value are no reason to write for ever; what a first write brought to light is one.
    pub(super) fn is_written(&self, present: &Present, wanted: &Document, recurrence_id: &str, body: &[u8]) -> bool {
        let (now, after) = (overrides(&present.document), overrides(wanted));
        let instance = present.notes.instances.get(recurrence_id).cloned().unwrap_or_default();
        let from = occurrence(&present.document, recurrence_id, now.get(recurrence_id));
        let to = occurrence(&present.document, recurrence_id, after.get(recurrence_id));
        let again = self.told_between(&from, &to, &present.notes.lines_of(&instance), false);
        body.is_empty() || again.is_ok_and(|again| again.is_none_or(|again| again.body == body))
    }

    /// Whether an exception is as it was `told`: what that changed of the one `before`, as far as the provider can say it, and
    /// the rest just so. All are overrides of the series as it is.
    pub(super) fn is_alike(&self, present: &Present, recurrence_id: &str, told: &Value, before: &Value) -> bool {
        let now = overrides(&present.document).remove(recurrence_id);
        if is_excluded(told) || now.as_ref().is_some_and(is_excluded) {
            return now.as_ref() == Some(told);
        }
        let [now, told, before] = [now.as_ref(), Some(told), Some(before).filter(|before| !is_excluded(before))]
            .map(|patch| occurrence(&present.document, recurrence_id, patch));
        let told = align(&told, &now);
        let before = align(&before, &now);
        let instance = present.notes.instances.get(recurrence_id).cloned().unwrap_or_default();
        let lines = present.notes.lines_of(&instance);
        groups([&now, &told, &before]).iter().all(|group| {
            let same = |a: &Document, b: &Document| group.iter().all(|name| a.get(name) == b.get(name));
            if same(&now, &told) || same(&told, &before) {
                return same(&now, &told);
            }
            let mut to = now.clone();
            for name in group {
                to.set(name, told.get(name).cloned());
            }
            self.told_between(&now, &to, &lines, true) == Ok(None)
        })
    }

    /// The provider will never accept this exception: that is recorded, and the other ones go on.
    pub(super) fn refuse_exception(&mut self, job: Job, recurrence_id: &str, code: &str, detail: &str) -> Flow<()> {
        let Some(shadow) = job.scene.shadow.clone() else { return self.give_up(job, code, detail, vec![]) };
        let Job { entry, scene } = job;
        let mut failure = self.failure(FailureKind::Push, &scene.uid, code, detail, entry.attempts + 1);
        failure.uid = Some(scene.uid.clone());
        failure.remote_id = Some(scene.remote_id.clone());
        self.report.failed += 1;
        let mut notes = scene.notes;
        notes.refused.push(recurrence_id.to_owned());
        let mut changes = vec![Change::PutFailure(failure)];
        self.answered(&mut changes);
        let shadow = Shadow { notes: notes.text(), ..shadow };
        changes.push(Change::PutShadow(self.replica.id.clone(), shadow));
        self.commit(changes, vec![])
    }

    /// Only refused exceptions are left: the local side keeps them, and they are tried again with its next change.
    fn leave_refused(&mut self, job: Job, present: Present) -> Flow<()> {
        let Job { entry, scene } = job;
        let mut changes = self.dequeued(&entry).to_vec();
        if let Some(shadow) = scene.shadow {
            let mut notes = present.notes;
            notes.forget_writes();
            changes.push(Change::PutShadow(self.replica.id.clone(), Shadow { notes: notes.text(), ..shadow }));
        }
        self.answered(&mut changes);
        self.commit(changes, vec![])
    }

    /// What differs in an exception cannot be said at the provider: both sides agree as far as they can.
    pub(super) fn skip_exception(
        &mut self,
        job: Job,
        present: Present,
        recurrence_id: &str,
        wanted: &Document,
    ) -> Flow<()> {
        let reached = reached(&present.document, wanted, recurrence_id);
        self.written(job, present, wanted, Some(&reached), false, None)
    }

    pub(super) fn after_exception(
        &self,
        mut present: Present,
        recurrence_id: &str,
        instance: Instance,
        response: &Response,
    ) -> Option<Present> {
        // One that had no row of its own before this write is our making.
        let ours = present.notes.instances.get(recurrence_id).is_none_or(|known| known.ours);
        if response.body.is_empty() {
            let mut patch = Map::new();
            patch.insert("excluded".into(), true.into());
            let placed = Placed { recurrence_id: recurrence_id.to_owned(), patch, ..Placed::default() };
            present.set_exception(placed, Instance { etag: String::new(), ours, ..instance });
        } else {
            let Ok(Row::Exception(row)) = self.provider.read_row(&self.target(), &response.body) else { return None };
            let placed = self.provider.place(&self.target(), &row, &present.document).ok()?;
            present.set_exception(placed, Instance { id: row.id, etag: row.etag, ours, ..Instance::default() });
        }
        Some(present)
    }
}

/// A document with one override as it is wanted.
pub(super) fn reached(document: &Document, wanted: &Document, recurrence_id: &str) -> Document {
    let mut all = overrides(document);
    match overrides(wanted).remove(recurrence_id) {
        Some(patch) => drop(all.insert(recurrence_id.to_owned(), patch)),
        None => drop(all.remove(recurrence_id)),
    }
    let mut reached = document.clone();
    reached.set_overrides(all);
    reached
}

/// An occurrence as an event of its own.
fn occurrence(master: &Document, recurrence_id: &str, override_patch: Option<&Value>) -> Document {
    let empty = Map::new();
    exception(master, recurrence_id, override_patch.and_then(Value::as_object).unwrap_or(&empty))
}
