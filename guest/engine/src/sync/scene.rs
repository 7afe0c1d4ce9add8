//! One event while it is decided on: both sides, what they agreed on, and what is going to be committed.

use super::outward;
use super::plan::State;
use super::session::Session;
use crate::effects::{Change, Effects, EventRow, Expectation, PushEntry, Shadow};
use crate::event::Document;
use crate::event::keys::Keys;
use crate::event::merge::{Preference, Side, Versions, merge};
use crate::provider::Notes;
use crate::recurrence;

/// Changes that belong into one commit.
#[derive(Default)]
pub(super) struct Pending {
    /// What must still be true.
    pub(super) expectations: Vec<Expectation>,
    /// What to write.
    pub(super) changes: Vec<Change>,
}

/// A local event next to its base.
pub(super) struct Local {
    /// The stored row.
    pub(super) row: Option<EventRow>,
    /// Its document as this replica may see it; empty when there is none.
    pub(super) document: Document,
    /// The local side of the base; empty when there is none.
    pub(super) base: Document,
    /// What it looks like next to the base.
    pub(super) state: State,
}

/// One event to be written.
pub(super) struct Job {
    pub(super) entry: PushEntry,
    pub(super) scene: Scene,
}

/// One event while it is settled.
pub(super) struct Scene {
    /// Its local uid.
    pub(super) uid: String,
    /// Its remote id.
    pub(super) remote_id: String,
    /// What both sides last agreed on.
    pub(super) shadow: Option<Shadow>,
    /// The local side.
    pub(super) local: Local,
    /// The notes to keep.
    pub(super) notes: Notes,
}

impl Local {
    /// The revision of the stored row; 0 when there is none.
    pub(super) fn revision(&self) -> u64 {
        self.row.as_ref().map_or(0, |row| row.revision)
    }

    /// Whether the event is there.
    pub(super) fn is_there(&self) -> bool {
        matches!(self.state, State::Same | State::Changed)
    }
}

impl Scene {
    /// The remote half of the base; empty when there is none.
    pub(super) fn remote_base(&self) -> Document {
        match self.shadow.as_ref().filter(|shadow| !shadow.gone) {
            Some(shadow) => remote_base(shadow, &self.local),
            None => Document::default(),
        }
    }
}

impl<F: Effects> Session<'_, F> {
    /// Look at the local side.
    pub(super) fn local(&self, row: Option<EventRow>, shadow: Option<&Shadow>) -> Local {
        let agreed = shadow.filter(|shadow| !shadow.gone);
        let base_text = agreed.map(Shadow::agreed);
        // Paths in overrides may be of a time when they were stored.
        let parse = |text: &str| recurrence::whole(&Document::parse(text).unwrap_or_default()).0;
        let base = base_text.map(parse).unwrap_or_default();
        // Most events are as they were agreed: the same text is not read twice.
        let read = |text: &str| if base_text == Some(text) { base.clone() } else { parse(text) };
        let document =
            row.as_ref().map(|row| outward::view(self.replica.mode, read(&row.document))).unwrap_or_default();
        let state = match &row {
            None => State::Missing,
            Some(row) if row.deleted => State::Deleted,
            Some(_) if base_text.is_some() && document == base => State::Same,
            Some(_) => State::Changed,
        };
        Local { row, document, base, state }
    }
}

/// The remote half of a base.
pub(super) fn remote_base(shadow: &Shadow, local: &Local) -> Document {
    match shadow {
        // Both halves of the base are the same text.
        Shadow { local: None, .. } => local.base.clone(),
        shadow => Document::parse(&shadow.remote).unwrap_or_default(),
    }
}

/// What the remote side is to be, when only the local side changed.
pub(super) fn wanted_remote(local: &Local, remote_base: &Document) -> Document {
    let keys = Keys::between(remote_base, &local.base);
    let base = keys.rename(remote_base);
    let before = recurrence::before_times(&local.base, &local.document);
    let versions = Versions { local_base: &before, local: &local.document, remote_base: &base, remote: &base };
    let wanted = merge(versions, Preference { winner: Side::Local, edit_beats_delete: false }).remote;
    keys.inverted().and(&wanted, remote_base).rename(&wanted)
}
