//! The one place with policy: what happens to an event, given what each side did since they last agreed.
//!
//! Read this file to know what Tandem does. `plan` is a pure function of three words about an event, what the base
//! knows, what the local side did, what the remote side did, and of the replica's rules. It does not see documents;
//! how properties are merged is in `event/merge.rs`. Its result does not depend on the order in which events are
//! planned, and planning again after its effect gives [`Decision::Nothing`] (invariants I11, I12).

use crate::effects::{ConflictPolicy, ReplicaMode};
use crate::seeded::{Bug, has};

/// What the replica's shadow of the event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// There is no shadow: both sides never agreed on this event.
    None,
    /// Both sides agreed.
    Agreed,
    /// The remote event was removed, and its id is burned; see `Shadow::gone`.
    Gone,
}

/// What a side looks like, compared with the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The event was never there.
    Missing,
    /// As the base has it.
    Same,
    /// It is there, and not as the base has it.
    Changed,
    /// It was there and is deleted.
    Deleted,
}

/// The replica's rules for this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Which way changes go.
    pub mode: ReplicaMode,
    /// Who wins.
    pub policy: ConflictPolicy,
    /// Whether the provider lets us write this event (invariant I16).
    pub writable: bool,
    /// The remote event carries this replica's origin mark for this uid: we created it.
    pub ours: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing at all.
    Nothing,
    /// Take the remote event into the calendar as a new one.
    CreateLocal,
    /// Take the remote change over.
    UpdateLocal,
    /// Both sides changed, or meet for the first time: merge, then write where needed.
    Merge,
    /// Delete the local event.
    DeleteLocal,
    /// Delete the local event although it was edited: the policy says so. A conflict is recorded.
    DeleteLocalEdited,
    /// Bring the local event back as the remote side has it, a local edit or deletion is taken back.
    RestoreLocal,
    /// As before, because a remote edit beats a local deletion. A conflict is recorded.
    RestoreLocalEdited,
    /// Create the event remotely.
    CreateRemote,
    /// Write the local change.
    UpdateRemote,
    /// Create it again under a new id: the remote event is gone. A conflict is recorded.
    RecreateRemote,
    /// Delete the remote event.
    DeleteRemote,
    /// As before, although it was edited: the policy says so. A conflict is recorded.
    DeleteRemoteEdited,
    /// Both sides deleted it: keep only the memory of its id.
    Forget,
}

/// Decide.
#[must_use]
pub fn plan(base: Base, local: State, remote: State, rules: Rules) -> Decision {
    match base {
        Base::None => first_meeting(local, remote, rules),
        Base::Gone => after_the_end(local, remote, rules),
        Base::Agreed => match direction(rules) {
            Direction::Both => both_ways(local, remote, rules.policy),
            Direction::Inward => inward(local, remote),
            Direction::Outward => outward(local, remote),
            Direction::Neither => neither(local, remote),
        },
    }
}

/// Which way changes of this event can go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Both,
    Inward,
    Outward,
    /// It only writes to the provider, and may not.
    Neither,
}

fn direction(rules: Rules) -> Direction {
    match (rules.mode, rules.writable) {
        (ReplicaMode::Pull, _) | (ReplicaMode::TwoWay, false) => Direction::Inward,
        (ReplicaMode::TwoWay, true) => Direction::Both,
        (ReplicaMode::Push | ReplicaMode::BusyOnly, true) => Direction::Outward,
        // What such a replica knows of an event is only its own view: taking it over would lose the rest.
        (ReplicaMode::Push | ReplicaMode::BusyOnly, false) => Direction::Neither,
    }
}

/// Both sides agreed before, and changes go both ways: the heart of the table.
fn both_ways(local: State, remote: State, policy: ConflictPolicy) -> Decision {
    use ConflictPolicy::{Local, Remote};
    use State::{Changed, Deleted, Missing, Same};
    match (local, remote) {
        (Same, Same) => Decision::Nothing,
        (Same, Changed) => Decision::UpdateLocal,
        (Changed, Same) => Decision::UpdateRemote,
        (Changed, Changed) => Decision::Merge,

        (Same, Deleted | Missing) => Decision::DeleteLocal,
        (Deleted, Same) => Decision::DeleteRemote,
        (Deleted | Missing, Deleted | Missing) => Decision::Forget,

        // An edit on one side beats a deletion on the other, unless the policy names a side.
        // A shadow never says that the remote event was never there: missing is gone.
        (Changed, Deleted | Missing) if policy == Remote => Decision::DeleteLocalEdited,
        (Changed, Deleted | Missing) => Decision::RecreateRemote,
        (Deleted, Changed) if has(Bug::DeletionBeatsEdit) => Decision::DeleteRemote,
        (Deleted, Changed) if policy == Local => Decision::DeleteRemoteEdited,
        (Deleted, Changed) => Decision::RestoreLocalEdited,

        // A shadow without its event: the application's store lost it (restored from a backup).
        (Missing, Same | Changed) => Decision::RestoreLocal,
    }
}

/// The provider is right: local edits are taken back.
fn inward(local: State, remote: State) -> Decision {
    use State::{Changed, Deleted, Missing, Same};
    match (local, remote) {
        (Same, Same) => Decision::Nothing,
        (Same, Changed) => Decision::UpdateLocal,
        (Changed | Deleted | Missing, Same | Changed) => Decision::RestoreLocal,
        (Same | Changed, Deleted | Missing) => Decision::DeleteLocal,
        (Deleted | Missing, Deleted | Missing) => Decision::Forget,
    }
}

/// The application is right: remote edits are overwritten.
fn outward(local: State, remote: State) -> Decision {
    use State::{Changed, Deleted, Missing, Same};
    match (local, remote) {
        (Same, Same) => Decision::Nothing,
        (Same | Changed, Same | Changed) => Decision::UpdateRemote,
        (Same | Changed, Deleted | Missing) => Decision::RecreateRemote,
        (Deleted | Missing, Same | Changed) => Decision::DeleteRemote,
        (Deleted | Missing, Deleted | Missing) => Decision::Forget,
    }
}

/// Nothing may go either way.
fn neither(local: State, remote: State) -> Decision {
    let gone = |state| matches!(state, State::Deleted | State::Missing);
    if gone(local) && gone(remote) { Decision::Forget } else { Decision::Nothing }
}

/// No base: one side shows the event for the first time, or both do.
fn first_meeting(local: State, remote: State, rules: Rules) -> Decision {
    let there = |state| matches!(state, State::Same | State::Changed);
    let direction = direction(rules);
    let writes = matches!(direction, Direction::Both | Direction::Outward);
    match (there(local), there(remote)) {
        (true, true) if direction == Direction::Neither => Decision::Nothing,
        (true, true) if direction == Direction::Outward => Decision::UpdateRemote,
        (true, true) => Decision::Merge,
        (true, false) if writes => Decision::CreateRemote,
        // We created it, the answer got lost, and meanwhile the application deleted it (invariants I3, I6).
        (false, true) if local == State::Deleted && rules.ours && writes => match remote {
            State::Same => Decision::DeleteRemote,
            _ => Decision::DeleteRemoteEdited,
        },
        // What others put into a calendar that we only write to is not our business.
        (false, true) if matches!(rules.mode, ReplicaMode::Push | ReplicaMode::BusyOnly) => Decision::Nothing,
        (false, true) => Decision::CreateLocal,
        _ => Decision::Nothing,
    }
}

/// The remote event was removed earlier.
fn after_the_end(local: State, remote: State, rules: Rules) -> Decision {
    let there = |state| matches!(state, State::Same | State::Changed);
    let direction = direction(rules);
    match (there(local), there(remote)) {
        (true, true) if direction == Direction::Neither => Decision::Nothing,
        // Somebody brought it back to life at the provider.
        (false, true) if rules.mode == ReplicaMode::TwoWay || rules.mode == ReplicaMode::Pull => Decision::CreateLocal,
        (true, true) if direction == Direction::Outward => Decision::UpdateRemote,
        (true, true) => Decision::Merge,
        // The local event lives (again) and its old remote id is burned.
        (true, false) if matches!(direction, Direction::Both | Direction::Outward) => Decision::RecreateRemote,
        _ => Decision::Nothing,
    }
}
