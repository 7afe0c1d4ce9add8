//! Carries out what `plan` decided about a remote event, as changes of one batch: nothing is written here.

use super::arrive::{Remote, Subject};
use super::plan::{Base, Decision, Rules, State, plan};
use super::present::Present;
use super::scene::{Pending, Scene};
use super::session::{Flow, Session};
use super::state::Guard;
use crate::effects::{ConflictPolicy, ConflictWinner, Effects, EventRow, Expectation, Request, Shadow};
use crate::event::Document;
use crate::event::keys::{Keys, align};
use crate::event::merge::{Clash, Merged, Preference, Side, Versions, merge};
use crate::id;
use crate::provider::{Lines, Notes, Refused, Update};
use crate::recurrence;
use crate::seeded::{Bug, has};

impl<F: Effects> Session<'_, F> {
    /// The rules for an event.
    pub(super) fn rules(&self, notes: &Notes, ours: bool) -> Rules {
        Rules {
            mode: self.replica.mode,
            policy: self.replica.policy,
            writable: has(Bug::ReadOnlyIgnored) || self.state.writable != Some(false) && !notes.read_only,
            ours,
        }
    }

    /// Plan one event that the provider spoke of, and add the effects to `out`.
    pub(super) fn settle(&mut self, out: &mut Pending, subject: Subject, row: Option<EventRow>) -> Flow<()> {
        let Subject { remote_id, mut shadow, remote } = subject;
        let mut local = self.local(row, shadow.as_ref());
        // Nothing is agreed on with an exception that is all that is left of its series.
        let is_alone = matches!(&remote, Remote::Present(present) if present.alone) && local.state != State::Same;
        let remote = if is_alone && self.is_series_gone(&remote_id)? { Remote::Gone } else { remote };
        let uid = match (&shadow, &remote) {
            (Some(shadow), _) => shadow.uid.clone(),
            (None, Remote::Present(present)) => present.document.uid().to_owned(),
            (None, Remote::Gone) => return Ok(()),
        };
        let mut base = match &shadow {
            None => Base::None,
            // Made again: the two sides have not met in this one.
            Some(shadow) if shadow.gone && shadow.remote_id != remote_id => Base::None,
            Some(shadow) if shadow.gone => Base::Gone,
            Some(_) => Base::Agreed,
        };
        let notes = match &remote {
            Remote::Present(present) => present.notes.clone(),
            Remote::Gone => Notes::of(shadow.as_ref()),
        };
        let ours = matches!(&remote, Remote::Present(present) if self.is_ours(present, &uid));
        if let (Base::None, Remote::Present(present), true) = (base, &remote, ours)
            && let Some(sent) = self.created_as(&Notes::of(shadow.as_ref()), present)
        {
            let scene = Scene { uid, remote_id, shadow, local, notes };
            self.late_answer(out, &scene, present, &sent);
            return Ok(());
        }
        let may_be_told = base == Base::Agreed || base == Base::None && ours;
        if let Remote::Present(present) = &remote
            && let Some(agreed) = self.applied(&local, shadow.as_ref().filter(|_| may_be_told), present)
        {
            let agreed = Shadow { remote_id: remote_id.clone(), ..agreed };
            local = self.local(local.row, Some(&agreed));
            base = Base::Agreed;
            if agreed.remote == present.document.text() {
                let scene = Scene { uid, remote_id, shadow: Some(agreed), local, notes };
                self.answered_late(out, &scene, present);
                return Ok(());
            }
            shadow = Some(agreed);
        }
        // The version tag of what was there under another id says nothing of this one.
        let same = shadow.as_ref().filter(|shadow| shadow.remote_id == remote_id);
        let state = match (remote_state(&remote, same), &remote) {
            // Our own write, whose answer was lost, before the deletion here: nobody's edit (invariants I3, I6).
            (State::Changed, Remote::Present(present)) if self.is_own_write(&local, shadow.as_ref(), present) => {
                State::Same
            }
            (state, _) => state,
        };
        let rules = self.rules(&notes, ours);
        let base = match base {
            // Deleted by us, and made again here since: nobody else's deletion (invariant I1).
            Base::Agreed
                if notes.deleted && plan(Base::Gone, local.state, state, rules) == Decision::RecreateRemote =>
            {
                Base::Gone
            }
            base => base,
        };
        let decision = self.guarded(plan(base, local.state, state, rules), local.state);
        let mut scene = Scene { uid, remote_id, shadow, local, notes };
        match remote {
            Remote::Present(present) => self.present(out, &mut scene, *present, decision),
            Remote::Gone => self.gone(out, &mut scene, decision),
        }
    }

    /// During a sweep whose deletions were refused, what is missing is created again.
    fn guarded(&self, decision: Decision, local: State) -> Decision {
        let recreate = self.state.sweep.as_ref().is_some_and(|sweep| sweep.guard == Guard::Recreate);
        match decision {
            Decision::DeleteLocal | Decision::DeleteLocalEdited if recreate && local != State::Deleted => {
                Decision::RecreateRemote
            }
            decision => decision,
        }
    }

    /// Whether a remote event is one that this replica created for this uid.
    pub(super) fn is_ours(&self, present: &Present, uid: &str) -> bool {
        present.mark.as_deref().and_then(|mark| id::uid_of_mark(&self.replica, mark)) == Some(uid)
    }

    /// The remote event is there.
    fn present(&mut self, out: &mut Pending, scene: &mut Scene, present: Present, decision: Decision) -> Flow<()> {
        match decision {
            Decision::Nothing => {
                if let Some(shadow) = scene.shadow.as_ref().filter(|shadow| !shadow.gone) {
                    self.seen(out, shadow, &present);
                }
                Ok(())
            }
            Decision::CreateLocal | Decision::UpdateLocal | Decision::Merge | Decision::RestoreLocal => {
                self.agree(out, scene, &present, decision)
            }
            Decision::RestoreLocalEdited => {
                self.agree(out, scene, &present, decision)?;
                let outcome = scene.local.row.as_ref().map(|row| row.document.clone());
                self.conflict(out, scene, Some(&present), outcome, &[], ConflictWinner::Remote);
                Ok(())
            }
            Decision::UpdateRemote
            | Decision::CreateRemote
            | Decision::RecreateRemote
            | Decision::DeleteRemote
            | Decision::DeleteRemoteEdited => {
                if decision == Decision::DeleteRemoteEdited {
                    self.conflict(out, scene, Some(&present), None, &[], ConflictWinner::Local);
                }
                self.note_remote(out, scene, &present)?;
                self.queue(out, scene);
                Ok(())
            }
            Decision::DeleteLocal | Decision::DeleteLocalEdited | Decision::Forget => self.gone(out, scene, decision),
        }
    }

    /// Bring the local side in line with the remote one; keep what only the local side changed, to be pushed.
    fn agree(&mut self, out: &mut Pending, scene: &mut Scene, present: &Present, decision: Decision) -> Flow<()> {
        let base_remote = scene.remote_base();
        let agreed = agreed_local(scene, present);
        let mut outcome = agreed.clone();
        let mut changed_at = present.updated_ms;
        if decision == Decision::Merge {
            changed_at = changed_at.max(scene.local.row.as_ref().map_or(0, |row| row.updated_ms));
            outcome = self.merge(out, scene, present, &base_remote)?;
        }
        let agreed_silently = decision == Decision::Merge && self.expresses(present, &outcome);
        let agreed = if agreed_silently { outcome.clone() } else { agreed };
        let before = scene.local.revision();
        let revision = self.write_event(out, scene, &outcome, changed_at)?;
        if revision == before {
            // Else another worker may have seen the end of the event, and nobody would write that any more.
            out.expectations.push(Expectation::Event(self.replica.calendar.clone(), scene.uid.clone(), revision));
        }
        let is_open = outcome != agreed;
        self.write_shadow(out, scene, present, &agreed, (revision, is_open));
        if is_open {
            self.queue(out, scene);
        }
        Ok(())
    }

    /// The local document after a merge. Clashes go into a conflict record.
    fn merge(&mut self, out: &mut Pending, scene: &Scene, present: &Present, base_remote: &Document) -> Flow<Document> {
        if has(Bug::MergeTakesRemote) {
            return Ok(present.document.clone());
        }
        let local = &scene.local.document;
        // Both sides show it for the first time, and say the same as far as the provider can say it.
        if scene.shadow.as_ref().is_none_or(|shadow| shadow.gone) && self.expresses(present, local) {
            return Ok(local.clone());
        }
        let keys = Keys::between(base_remote, &scene.local.base).and(&present.document, local);
        let (before, now) = (keys.rename(base_remote), keys.rename(&present.document));
        let sides = ((&scene.local.base, local), (&before, &now));
        let Merged { local: mut outcome, mut clashes, .. } = meet(sides, self.preference(scene, present));
        // Edits of occurrences that the other side's new times do not have are lost with them: that is a conflict.
        let shown = super::present::overrides(&present.document);
        for id in recurrence::drop_stale_overrides(local, &mut outcome, &shown) {
            if has(Bug::LostExceptionUnrecorded) {
                continue;
            }
            if super::present::overrides(local).get(&id) != super::present::overrides(&scene.local.base).get(&id) {
                clashes.push(Clash { pointer: format!("/recurrenceOverrides/{id}"), winner: Side::Remote });
            }
        }
        // So are those of occurrences that the new times of this side do not have.
        for id in recurrence::drop_stale_overrides(&now, &mut outcome, &super::present::overrides(local)) {
            if super::present::overrides(&now).get(&id) != super::present::overrides(&before).get(&id) {
                clashes.push(Clash { pointer: format!("/recurrenceOverrides/{id}"), winner: Side::Local });
            }
        }
        // What an occurrence says just like its series, one side would keep and the other one would not.
        outcome = recurrence::tidied(&outcome);
        if !clashes.is_empty() {
            let remote_wins = clashes.iter().filter(|clash| clash.winner == Side::Remote).count();
            let winner = match remote_wins {
                0 => ConflictWinner::Local,
                n if n == clashes.len() => ConflictWinner::Remote,
                _ => ConflictWinner::Mixed,
            };
            self.conflict(out, scene, Some(present), Some(outcome.text().to_owned()), &clashes, winner);
        }
        Ok(outcome)
    }

    fn preference(&self, scene: &Scene, present: &Present) -> Preference {
        let edited = scene.local.row.as_ref().map_or(0, |row| row.updated_ms);
        let winner = match self.replica.policy {
            ConflictPolicy::Remote => Side::Remote,
            ConflictPolicy::Local | ConflictPolicy::Ask => Side::Local,
            ConflictPolicy::Newest if edited > present.updated_ms => Side::Local,
            ConflictPolicy::Newest => Side::Remote,
        };
        let named = matches!(self.replica.policy, ConflictPolicy::Remote | ConflictPolicy::Local);
        Preference { winner, edit_beats_delete: !named }
    }

    /// Whether the provider could not say the difference between what it has and a local document.
    pub(super) fn expresses(&self, present: &Present, document: &Document) -> bool {
        let to = align(document, &present.document);
        self.difference(present, &to) == Ok(None)
            && super::present::overrides(&present.document) == super::present::overrides(&to)
    }

    /// What the provider would be told to get from what it has to an aligned document, exceptions aside.
    pub(super) fn difference(&self, present: &Present, to: &Document) -> Result<Option<Request>, Refused> {
        self.told_between(&present.document, to, &present.notes.lines, false)
    }

    /// What the provider would be told to get from one document to another, wherever it is; `notify` with all that needs mail.
    pub(super) fn told_between(
        &self,
        from: &Document,
        to: &Document,
        lines: &Lines,
        notify: bool,
    ) -> Result<Option<Request>, Refused> {
        let update = Update { remote_id: "", etag: "", from, to, lines, notify, revive: false };
        self.provider.update(&self.target(), &update)
    }

    /// The remote event is not there any more, or the local one has to go.
    fn gone(&mut self, out: &mut Pending, scene: &mut Scene, decision: Decision) -> Flow<()> {
        match decision {
            Decision::DeleteLocal | Decision::DeleteLocalEdited => {
                if decision == Decision::DeleteLocalEdited {
                    self.conflict(out, scene, None, None, &[], ConflictWinner::Remote);
                }
                // Made again here, it needs another id.
                scene.notes.incarnation += 1;
                let revision = self.delete_event(out, scene)?;
                self.bury(out, scene, revision);
            }
            Decision::RecreateRemote => {
                // An agreed deletion is nobody's edit: what lives again was decided between other sides.
                let agreed = scene.notes.deleted || scene.shadow.as_ref().is_some_and(|shadow| shadow.gone);
                if scene.local.state == State::Changed && !agreed {
                    let outcome = Some(scene.local.document.text().to_owned());
                    self.conflict(out, scene, None, outcome, &[], ConflictWinner::Local);
                }
                scene.notes.incarnation += 1;
                let revision = scene.local.revision();
                self.bury(out, scene, revision);
                self.queue(out, scene);
            }
            Decision::Forget => {
                scene.notes.incarnation += 1;
                let revision = scene.local.revision();
                self.bury(out, scene, revision);
            }
            _ => {}
        }
        Ok(())
    }

    /// Remember the remote side as it is now. The local side stays as it is, and what differs from what it would be
    /// if it had followed the remote side is written over it by the push.
    fn note_remote(&mut self, out: &mut Pending, scene: &Scene, present: &Present) -> Flow<()> {
        let live = scene.shadow.as_ref().filter(|shadow| !shadow.gone);
        if let Some(shadow) = live.filter(|shadow| shadow.remote == present.document.text()) {
            self.seen(out, shadow, present);
            return Ok(());
        }
        let agreed = agreed_local(scene, present);
        let revision = scene.local.revision();
        self.write_shadow(out, scene, present, &agreed, (revision, true));
        Ok(())
    }
}

/// What the local side is when only the remote side counts: the local half of the new base.
fn agreed_local(scene: &Scene, present: &Present) -> Document {
    if scene.shadow.as_ref().is_none_or(|shadow| shadow.gone) {
        return present.document.clone();
    }
    followed(&scene.local.base, &scene.remote_base(), &present.document)
}

/// What the local side becomes when the remote side goes on from its half of the base, and nothing was done here.
pub(super) fn followed(base: &Document, base_remote: &Document, remote: &Document) -> Document {
    if base == base_remote {
        return remote.clone();
    }
    let keys = Keys::between(base_remote, base).and(remote, base);
    let (before, now) = (keys.rename(base_remote), keys.rename(remote));
    let preference = Preference { winner: Side::Remote, edit_beats_delete: false };
    let mut agreed = meet(((base, base), (&before, &now)), preference).local;
    recurrence::drop_stale_overrides(base, &mut agreed, &super::present::overrides(remote));
    agreed
}

/// Merge the local side and the remote one, each as before and now. Deletions of occurrences that begin to count with other
/// times of a side are news of that side, and of no other.
fn meet((local, remote): ((&Document, &Document), (&Document, &Document)), preference: Preference) -> Merged {
    let (here, there) = (recurrence::before_times(local.0, local.1), recurrence::before_times(remote.0, remote.1));
    let versions = Versions { local_base: &here, local: local.1, remote_base: &there, remote: remote.1 };
    let mut merged = merge(versions, preference);
    recurrence::drop_awakened(local, remote, &mut merged.local);
    merged
}

/// What the remote side looks like next to the base.
fn remote_state(remote: &Remote, shadow: Option<&Shadow>) -> State {
    match (remote, shadow) {
        (Remote::Gone, _) => State::Deleted,
        // A row that is older than the deletion: it shows the version that was deleted.
        (Remote::Present(present), Some(shadow)) if shadow.gone && present.etag == shadow.etag => State::Deleted,
        (Remote::Present(present), Some(shadow)) if !shadow.gone && present.document.text() == shadow.remote => {
            State::Same
        }
        (Remote::Present(_), _) => State::Changed,
    }
}
