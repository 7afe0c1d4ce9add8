//! What somebody did at the provider to occurrences of a series while the series itself was being written.
//!
//! A write of a series also shows its occurrences. What they have that neither the last agreement nor this write put
//! there is somebody's edit: it is to arrive as such and be merged, never to be taken for something that our side does
//! not want (invariants I1, I7).

use serde_json::Value;

use super::arrive::{Remote, Subject};
use super::present::{Present, overrides};
use super::scene::Pending;
use super::session::{Flow, Session};
use crate::effects::{Effects, Shadow};
use crate::event::{Document, is_excluded};
use crate::provider::Notes;
use crate::recurrence::{exception, has_occurrence};
use crate::seeded::{Bug, has};

/// Members of a document that name the occurrences of a series. Where they change, all get other names.
const NAMES: [&str; 3] = ["start", "timeZone", "showWithoutTime"];

impl Present {
    /// Take occurrences back to what they were `before` where somebody edited them since; where the write may have ended them
    /// (`ends`) and nothing of that is left, to what their series says: that person never saw it. Returns the series with these
    /// edits, if there are any.
    pub(super) fn hold_back_news(&mut self, before: &Self, ends: bool) -> Option<Self> {
        if has(Bug::NewsOverwritten) {
            return None;
        }
        let renamed = NAMES.iter().any(|name| before.document.get(name) != self.document.get(name));
        let (known, mut now) = (overrides(&before.document), overrides(&self.document));
        let news: Vec<String> = now
            .keys()
            .filter(|id| match renamed {
                true => is_of_nobody(&before.document, &self.document, id),
                false => known.get(*id) != now.get(*id) && is_news(&before.document, &self.document, id),
            })
            .cloned()
            .collect();
        let all = (!news.is_empty()).then(|| self.clone());
        for id in news {
            let is_over = |patch: &&Value| ends && now.get(&id).is_some_and(|now| is_over(patch, now));
            let kept = known.get(&id).filter(|patch| !is_over(patch));
            match kept {
                Some(patch) => drop(now.insert(id.clone(), patch.clone())),
                None => drop(now.remove(&id)),
            }
            match before.notes.instances.get(&id).filter(|_| kept.is_some() || !known.contains_key(&id)) {
                Some(instance) => drop(self.notes.instances.insert(id, instance.clone())),
                None => drop(self.notes.instances.remove(&id)),
            }
        }
        self.document.set_overrides(now);
        all
    }
}

impl<F: Effects> Session<'_, F> {
    /// Settle what was held back, next to what is agreed on. That is stored in the commit that agrees: the cursor may be
    /// behind it already, and then no listing brings it again (invariant I9).
    pub(super) fn settle_news(&mut self, shadow: &Shadow, mut news: Present) -> Flow<Pending> {
        let known = Notes::parse(&shadow.notes);
        news.notes = Notes { writes: known.writes, refused: known.refused, ..news.notes };
        news.document.set_uid(&shadow.uid);
        let mut out = Pending::default();
        let remote = Remote::Present(Box::new(news));
        let subject = Subject { remote_id: shadow.remote_id.clone(), shadow: Some(shadow.clone()), remote };
        self.settle_all(&mut out, vec![subject])?;
        Ok(out)
    }
}

/// Whether nothing of an exception is left in what somebody wrote.
fn is_over(before: &Value, now: &Value) -> bool {
    let said = before.as_object().filter(|_| !is_excluded(before));
    !is_excluded(now) && said.into_iter().flatten().all(|(member, value)| now.get(member) != Some(value))
}

/// Whether an occurrence of a series that was moved says something that neither the series nor an occurrence said before.
fn is_of_nobody(before: &Document, now: &Document, id: &str) -> bool {
    let own = overrides(now).get(id).filter(|patch| !is_excluded(patch)).and_then(|patch| patch.as_object().cloned());
    let known = overrides(before);
    own.into_iter().flatten().any(|(member, value)| {
        before.get(&member) != Some(&value) && known.values().all(|patch| patch.get(&member) != Some(&value))
    })
}

/// Whether an occurrence says something that is neither what it said before nor what its series says now.
fn is_news(before: &Document, now: &Document, id: &str) -> bool {
    let (old, new) = (overrides(before), overrides(now));
    let (old, new) = (old.get(id), new.get(id));
    if new.is_some_and(is_excluded) {
        return !old.is_some_and(is_excluded) && has_occurrence(now, id);
    }
    let of = |series: &Document, patch: Option<&Value>| {
        let patch = patch.filter(|patch| !is_excluded(patch)).and_then(|patch| patch.as_object().cloned());
        exception(series, id, &patch.unwrap_or_default())
    };
    let (was, is, plain) = (of(before, old), of(now, new), of(now, None));
    let Some(members) = is.value().as_object() else { return false };
    let gone =
        was.value().as_object().into_iter().flat_map(|was| was.keys()).filter(|name| !members.contains_key(*name));
    members.keys().chain(gone).any(|name| {
        let value = is.value().get(name);
        value != was.value().get(name) && value != plain.value().get(name)
    })
}
