//! A remote event that is there, as one document with all its exceptions. What an exception says is in one place only:
//! its override, or the notes when the series has no such date (invariant I19).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::event::{Document, is_excluded};
use crate::provider::{Instance, Notes, Placed};
use crate::recurrence;

/// A remote event that is there.
#[derive(Debug, Clone)]
pub(super) struct Present {
    /// Version tag.
    pub(super) etag: String,
    /// When it was last changed.
    pub(super) updated_ms: u64,
    /// The whole event, exceptions included.
    pub(super) document: Document,
    /// What to remember.
    pub(super) notes: Notes,
    /// Our origin mark.
    pub(super) mark: Option<String>,
    /// Only exceptions came: that does not show that their master is still there.
    pub(super) alone: bool,
}

impl Present {
    /// Whether an occurrence is deleted.
    pub(super) fn excludes(&self, recurrence_id: &str) -> bool {
        self.document.overrides().and_then(|all| all.get(recurrence_id)).is_some_and(is_excluded)
    }

    /// Who made exceptions is remembered beyond a complete set of them.
    pub(super) fn remember(&mut self, made: &BTreeMap<String, Instance>) {
        for (recurrence_id, instance) in &mut self.notes.instances {
            instance.ours |= made.get(recurrence_id).is_some_and(|made| made.ours);
        }
    }

    /// Put an exception into its override. One that is as its series says needs none. Who made it is not forgotten.
    pub(super) fn set_exception(&mut self, placed: Placed, mut instance: Instance) {
        let mut overrides = overrides(&self.document);
        // One row is one occurrence: what it was called before its series changed zones is over.
        let same = |(id, known): &(&String, &Instance)| known.id == instance.id && **id != placed.recurrence_id;
        let former: Vec<String> = self.notes.instances.iter().filter(same).map(|(id, _)| id.clone()).collect();
        for id in former {
            instance.ours |= self.notes.instances.remove(&id).is_some_and(|known| known.ours);
            overrides.remove(&id);
        }
        instance.ours |= self.notes.instances.get(&placed.recurrence_id).is_some_and(|known| known.ours);
        let is_needless = !self.notes.lines.added.contains(&placed.recurrence_id) && self.says_nothing(&placed);
        instance.blob = if placed.blob == self.notes.lines.blob { String::new() } else { placed.blob };
        if is_needless {
            overrides.remove(&placed.recurrence_id);
        } else {
            overrides.insert(placed.recurrence_id.clone(), Value::Object(placed.patch));
        }
        self.document.set_overrides(overrides);
        self.notes.instances.insert(placed.recurrence_id, instance);
    }

    /// Whether an exception needs no override: it is as its series says, or what is left of one that comes once now. One that
    /// is left at a date that the series does not have is an additional date. A deletion of such a date would be agreed on, and
    /// would hide the occurrence should the series come back (invariant I5).
    fn says_nothing(&self, placed: &Placed) -> bool {
        let excluded = placed.patch.get("excluded").is_some_and(|excluded| *excluded == true);
        let has = || recurrence::contains(self.document.value(), &placed.recurrence_id).unwrap_or(true);
        !self.document.is_recurring() || placed.patch.is_empty() && has() || excluded && !has()
    }
}

/// The overrides of a document, or none.
pub(super) fn overrides(document: &Document) -> Map<String, Value> {
    document.overrides().cloned().unwrap_or_default()
}

/// Recurrence ids whose overrides differ and have to be written as exceptions of their own.
pub(super) fn differing(from: &Document, to: &Document) -> Vec<String> {
    if !to.is_recurring() {
        return Vec::new();
    }
    let (before, after) = (overrides(from), overrides(to));
    let mut ids: Vec<String> =
        before.keys().chain(after.keys()).filter(|id| before.get(*id) != after.get(*id)).cloned().collect();
    ids.sort();
    ids.dedup();
    ids
}

/// A local document whose open exceptions are as the provider has them: what is agreed on until they are written, too.
pub(super) fn without_open(local: &Document, here: &Document, open: &[String]) -> Document {
    let mut agreed = local.clone();
    if open.is_empty() {
        return agreed;
    }
    let (mut all, now) = (overrides(&agreed), overrides(here));
    for recurrence_id in open {
        match now.get(recurrence_id) {
            Some(patch) => drop(all.insert(recurrence_id.clone(), patch.clone())),
            None => drop(all.remove(recurrence_id)),
        }
    }
    agreed.set_overrides(all);
    agreed
}
