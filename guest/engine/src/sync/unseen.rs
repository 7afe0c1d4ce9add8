//! Events that were made here and that no listing has shown yet. A provider may say nothing of one that was deleted there
//! before it had to be listed, as if it had never been: after the next listings it is asked for, so that its deletion is
//! learned without a listing of everything.

use super::arrive::Shadows;
use super::present::Present;
use super::session::{Flow, Session};
use crate::effects::{Effects, Shadow};
use crate::limits::{PROOF_PAGE, UNSEEN_LOOKS};

impl<F: Effects> Session<'_, F> {
    /// What a shadow has for being in the latest listing. One that was found without it, by being asked for, has the number of
    /// that listing, which is lower by one.
    pub(super) fn listed(&self) -> u64 {
        self.state.generation + u64::from(self.provider.forgets_unseen())
    }

    /// The listing that saw an event last. Of one that none has shown, how often it was asked for: no listing has such a low
    /// number.
    pub(super) fn generation(&self, present: &Present, shadow: Option<&Shadow>) -> u64 {
        let (now, listed) = (self.state.generation, self.listed());
        if present.alone {
            return shadow.map_or(now, |shadow| shadow.generation);
        }
        if self.state.listing.is_some() || !self.provider.forgets_unseen() {
            return listed;
        }
        match shadow.filter(|shadow| !shadow.gone).map(|shadow| shadow.generation) {
            None => 0,
            Some(looks) if self.counts_looks => match looks + 1 {
                UNSEEN_LOOKS => listed,
                looks if looks < UNSEEN_LOOKS => looks,
                // It was found without the latest listing: the first one since.
                _ => 1,
            },
            Some(looks) if looks < UNSEEN_LOOKS && self.state.sweep.is_none() => looks,
            Some(seen) => seen.max(now),
        }
    }

    /// An event is stored: if no listing has shown it, the end of the next one is waited for.
    pub(super) fn awaits_listing(&mut self, generation: u64) {
        self.state.unseen |= generation < self.listed();
    }

    /// Each event that the latest listing did not show was asked for. Those that are there should be in the next one.
    pub(super) fn expects_proven(&mut self, are_some_there: bool) {
        self.state.expected = None;
        self.state.unseen |= are_some_there;
    }

    /// A listing begins: what was made before it should be in it.
    pub(super) fn expects_unseen(&mut self) {
        if std::mem::take(&mut self.state.unseen) {
            self.state.expected = Some(String::new());
        }
    }

    /// Ask for what should have been in the last listing and was not, a page of it, and settle what is found.
    pub(super) fn look_at_unseen(&mut self, after: String) -> Flow<()> {
        let page = self.fx.unseen_shadows(&self.replica.id, self.listed(), Some(after), PROOF_PAGE)?;
        let known: Shadows = page.iter().map(|shadow| (shadow.remote_id.clone(), shadow.clone())).collect();
        let ids: Vec<String> = page.iter().map(|shadow| shadow.remote_id.clone()).collect();
        let mut seen = self.look_at(&ids)?;
        let is_last = page.len() < PROOF_PAGE as usize && seen.left.is_empty();
        let last = page.get(..seen.done).unwrap_or_default().last();
        self.state.expected = last.filter(|_| !is_last).map(|shadow| shadow.uid.clone());
        // Those that are there are asked for again after the next listing, a few times.
        self.state.unseen |= seen.done > 0;
        let changes = self.measured(&mut seen.rows, &known);
        self.counts_looks = true;
        let out = self.settle_seen(seen, changes);
        self.counts_looks = false;
        let out = out?;
        self.commit(out.changes, out.expectations)
    }
}
