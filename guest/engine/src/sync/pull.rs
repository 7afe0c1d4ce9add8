//! One page of a listing: ask, read, settle, commit. The cursor is stored in the same commit as the last page's
//! effects, so it never passes a page that was not applied (invariant I9).

use std::collections::{BTreeMap, BTreeSet};

use super::arrive::{Remote, Shadows, Subject, is_changed};
use super::look::{Resolved, Seen};
use super::present::Present;
use super::scene::Pending;
use super::session::{Flow, Session, Stop};
use super::state::{Listing, Rest, Sweep};
use crate::backoff;
use crate::effects::{Change, Effects, EventRow, FailureKind, Health, Shadow};
use crate::event::Document;
use crate::id;
use crate::limits::{DESCRIBE_AGAIN_MS, MAX_INCARNATIONS, READ_BATCH};
use crate::provider::{Next, Notes, Page, Position, Purpose, Row, Skipped, Verdict};
use crate::seeded::{Bug, has};

/// What people are told when a calendar is not shown.
pub(super) const CALENDAR_NOT_FOUND: &str =
    "the provider does not know the calendar or hides it; check its id and the account's permission";

/// What people are told when they lose the sight of events.
const ONLY_BUSY: &str = "the provider shows only when events are, and no longer what they are; give the account the right to \
                         see all details again, or add the calendar anew";

impl<F: Effects> Session<'_, F> {
    /// Whether there is a reason to look.
    pub(super) fn pull_is_due(&self) -> bool {
        self.state.listing.is_some()
            || self.state.cursor.is_none()
            || self.replica.wanted > self.state.pulled_wanted
            || self.now_ms >= self.state.next_poll_ms
            || self.span_is_due()
    }

    /// Whether the span that listings are limited to has to move forward.
    fn span_is_due(&self) -> bool {
        self.state.span.is_some() && self.now_ms >= self.state.span_due_ms
    }

    /// Pull one page.
    pub(super) fn pull(&mut self) -> Flow<()> {
        let listing = self.listing();
        if let Some(rest) = listing.rest.clone() {
            return self.go_on(listing, rest);
        }
        if listing.page.is_none() {
            self.describe()?;
        }
        let cursor = if listing.full { None } else { self.state.cursor.clone() };
        let position = Position { cursor: cursor.as_deref(), page: listing.page.as_deref(), span: self.state.span };
        let request = self.provider.list(&self.target(), position);
        let (verdict, response) = self.exchange(Purpose::List, request)?;
        match verdict {
            Verdict::Done => {}
            Verdict::NoListing if self.state.span.is_none() && self.provider.span(self.now_ms).is_some() => {
                return self.limit_to_a_span();
            }
            Verdict::CursorLost | Verdict::NoListing if listing.full && listing.page.is_none() => {
                return Err(self.fail("listing-refused", "the provider refuses to list the calendar; check its id"));
            }
            Verdict::CursorLost | Verdict::NoListing if listing.full => {
                self.state.listing = None;
                return Err(
                    self.fail("listing-interrupted", "the provider does not go on with a listing; it is begun anew")
                );
            }
            Verdict::CursorLost | Verdict::NoListing => return self.start_over(),
            // Perhaps it is only the stored link that leads nowhere.
            Verdict::NotFound if self.place_is_doubtful(&listing) => return self.start_over(),
            Verdict::NotFound => {
                return Err(self.fail("calendar-not-found", CALENDAR_NOT_FOUND));
            }
            Verdict::Rejected { detail, .. } => return Err(self.pause(detail, vec![])),
            _ => return Err(self.fail("unexpected-answer", "the provider answered a listing in an unknown way")),
        }
        let page = self.provider.read_page(&self.target(), &response.body);
        drop(response);
        match page {
            Some(page) if page.next != Next::Nothing => self.apply(listing, page),
            // The stored place may be what is damaged: it is given up, which costs a full listing.
            _ if self.place_is_doubtful(&listing) => self.start_over(),
            _ => Err(self.fail("damaged-answer", "the provider's answer is not a page of a listing")),
        }
    }

    /// Whether the stored place in the listing may be what is wrong: nothing else has helped.
    fn place_is_doubtful(&self, listing: &Listing) -> bool {
        (!listing.full || listing.page.is_some()) && backoff::step_gave_up(self.state.failed_steps)
    }

    /// At the beginning of a listing: ask what the calendar is like, where its pages do not say. What is not answered
    /// stays as it is known.
    fn describe(&mut self) -> Flow<()> {
        if self.now_ms < self.state.described_ms.saturating_add(DESCRIBE_AGAIN_MS) {
            return Ok(());
        }
        let Some(request) = self.provider.describe(&self.target()) else { return Ok(()) };
        let (verdict, response) = self.exchange(Purpose::ReadMany, request)?;
        let read = self.provider.read_description(&self.target(), &response.body);
        if let Some(description) = read.filter(|_| verdict == Verdict::Done) {
            self.state.writable = description.writable.or(self.state.writable);
            if description.writable.is_some() {
                self.state.described_ms = self.now_ms;
            }
            if description.time_zone.is_some() {
                self.state.time_zone = description.time_zone;
            }
        }
        Ok(())
    }

    /// The listing that is under way, or a new one.
    fn listing(&mut self) -> Listing {
        if let Some(listing) = &self.state.listing {
            return listing.clone();
        }
        if self.span_is_due() {
            // A new listing, without a span at first: perhaps the provider has learned it.
            self.state.span = None;
            self.state.apart = false;
            self.state.cursor = None;
        }
        let listing =
            Listing { full: self.state.cursor.is_none(), page: None, wanted: self.replica.wanted, rest: None };
        if listing.full {
            self.next_generation();
        }
        self.begin_a_run();
        self.expects_unseen();
        self.state.listing = Some(listing.clone());
        listing
    }

    /// A number above every earlier one, also when the state that counted them was lost: the time is one.
    fn next_generation(&mut self) {
        if !has(Bug::OldGeneration) {
            self.state.generation = self.now_ms.max(self.state.generation + 2);
        }
    }

    /// Removals are counted from here on, unless series are still being asked for.
    fn begin_a_run(&mut self) {
        if self.state.doubt.is_none() {
            self.state.removed = 0;
        }
    }

    /// The cursor is lost: list everything again. Nothing is wiped; what the listing does not show is swept
    /// afterwards, through the guard.
    fn start_over(&mut self) -> Flow<()> {
        self.state.cursor = None;
        self.state.sweep = None;
        self.next_generation();
        self.begin_a_run();
        self.expects_unseen();
        self.state.listing = Some(Listing { full: true, page: None, wanted: self.replica.wanted, rest: None });
        self.commit(vec![], vec![])
    }

    /// The provider does not list without a span. What lies outside is known from before, or not at all.
    fn limit_to_a_span(&mut self) -> Flow<()> {
        if let Some((span, due_ms)) = self.provider.span(self.now_ms) {
            self.state.span = Some(span);
            self.state.span_due_ms = due_ms;
        }
        self.start_over()
    }

    fn apply(&mut self, listing: Listing, mut page: Page) -> Flow<()> {
        if page.only_busy && self.state.details {
            self.state.writable = page.writable;
            // Its rows would take away what is known of the events.
            return Err(self.fail("only-busy", ONLY_BUSY));
        }
        self.state.details |= !page.only_busy && page.count > 0;
        if has(Bug::LastRowLost) {
            page.rows.pop();
        }
        let Resolved { changes, left } = self.resolve(&mut page)?;
        if page.writable.is_some() {
            self.state.writable = page.writable;
        }
        if page.time_zone.is_some() {
            self.state.time_zone = page.time_zone;
        }
        self.report.pulled += page.count;
        if has(Bug::CursorStoredEarly) {
            self.turn(listing.clone(), left.clone(), page.next.clone());
            self.commit(vec![], vec![])?;
        }
        let out = self.settle_seen(Seen { rows: page.rows, skipped: page.skipped, ..Seen::default() }, changes)?;
        // Only now: a request that fails on the way stores the state as it is, and the page comes again (invariant I9).
        self.turn(listing, left, page.next);
        self.commit(out.changes, out.expectations)
    }

    /// Go on with a page that was too much for one step.
    fn go_on(&mut self, listing: Listing, rest: Rest) -> Flow<()> {
        let known = self.live(rest.looks.iter().cloned())?;
        let mut seen = self.look_at(&rest.looks)?;
        let changes = self.measured(&mut seen.rows, &known);
        let left = std::mem::take(&mut seen.left);
        let out = self.settle_seen(seen, changes)?;
        self.turn(listing, left, rest.next);
        self.commit(out.changes, out.expectations)
    }

    /// What comes after this step: the rest of its page, else the next page or the end.
    fn turn(&mut self, listing: Listing, left: Vec<String>, next: Next) {
        if !left.is_empty() {
            self.state.listing = Some(Listing { rest: Some(Rest { looks: left, next }), ..listing });
            return;
        }
        match next {
            Next::Page(token) => self.state.listing = Some(Listing { page: Some(token), rest: None, ..listing }),
            Next::Cursor(cursor) => self.finish(listing, cursor),
            Next::Nothing => {}
        }
    }

    /// The last page is being applied.
    fn finish(&mut self, listing: Listing, cursor: String) {
        self.state.cursor = Some(cursor);
        self.state.listing = None;
        self.state.pulled_wanted = listing.wanted;
        self.state.synced_ms = self.now_ms;
        if listing.full && !has(Bug::NoSweep) {
            self.state.sweep = Some(Sweep::default());
        }
        let seconds = match self.state.has_channel && self.settings.webhook_url.is_some() {
            true => self.settings.safety_poll_interval_s,
            false => self.settings.poll_interval_s,
        };
        // Up to a quarter later, so that replicas that started together drift apart.
        let interval_ms = u64::from(seconds.max(1)) * 1_000;
        self.state.next_poll_ms = self.now_ms + interval_ms + self.fx.random() % (interval_ms / 4 + 1);
        self.health(Health::Healthy, "");
    }

    /// Rows that can be read end what was recorded about them when they could not. Comes before what this page
    /// records, so that the newer word stands.
    pub(super) fn take_up_again(&self, out: &mut Pending, rows: &[Row]) {
        if !self.state.set_aside {
            return;
        }
        out.changes.extend(rows.iter().map(|row| {
            let id = match row {
                Row::Event(event) => &event.id,
                Row::Exception(exception) => &exception.id,
                Row::Gone(id) => id,
                Row::Look(look) => &look.id,
            };
            Change::DeleteFailure(id::failure_id(&self.replica.id, FailureKind::Item, id))
        }));
    }

    /// Rows that cannot be read: recorded, and their events count as seen, so that a sweep does not remove them.
    pub(super) fn set_aside(&mut self, out: &mut Pending, skipped: &[Skipped], shadows: &mut Shadows) {
        self.state.set_aside |= !skipped.is_empty();
        for row in skipped {
            out.changes.push(Change::PutFailure(self.item_failure(row)));
            self.report.failed += 1;
            if let Some(shadow) = row.remote_id.as_ref().and_then(|id| shadows.get(id)).filter(|shadow| !shadow.gone) {
                let (replica, uid, etag) = (self.replica.id.clone(), shadow.uid.clone(), shadow.etag.clone());
                out.changes.push(Change::TouchShadow(replica, uid, self.listed(), etag));
            }
        }
    }

    /// Settle what a page or a single answer speaks of, with the local events read in one go.
    pub(super) fn settle_all(&mut self, out: &mut Pending, mut subjects: Vec<Subject>) -> Flow<()> {
        self.name_newcomers(&mut subjects)?;
        // An event whose remote side is as it was needs no planning: whatever the local side did is in the push queue.
        let (changed, echoes): (Vec<Subject>, Vec<Subject>) = subjects.into_iter().partition(is_changed);
        for echo in echoes {
            if let Subject { remote: Remote::Present(present), shadow: Some(shadow), .. } = echo {
                self.seen(out, &shadow, &present);
            }
        }
        let uids: BTreeSet<String> = changed.iter().filter_map(uid_of).collect();
        let mut events = self.read_events(uids.into_iter().collect())?;
        for subject in changed {
            let row = uid_of(&subject).and_then(|uid| events.remove(&uid));
            self.settle(out, subject, row)?;
        }
        Ok(())
    }

    pub(super) fn read_events(&mut self, uids: Vec<String>) -> Flow<BTreeMap<String, EventRow>> {
        let mut events = BTreeMap::new();
        for uids in uids.chunks(READ_BATCH) {
            let rows = self.fx.events(&self.replica.calendar, uids.to_vec())?;
            events.extend(uids.iter().cloned().zip(rows).filter_map(|(uid, row)| Some((uid, row?))));
        }
        Ok(events)
    }

    /// Give remote events that are new here their local uid: the one in our mark when we created them, else their
    /// own, else (when another remote event of this calendar has it already) a derived one. No two remote events
    /// share a local one (invariant I2).
    fn name_newcomers(&mut self, subjects: &mut [Subject]) -> Flow<()> {
        // What was found by its remote id keeps its local one, also when it had been deleted and is there again.
        let mut taken: BTreeSet<String> =
            subjects.iter().filter_map(|subject| Some(subject.shadow.as_ref()?.uid.clone())).collect();
        let mut wanted = Vec::new();
        for subject in subjects.iter().filter(|subject| subject.shadow.is_none()) {
            if let Remote::Present(present) = &subject.remote {
                let marked = present.mark.as_deref().and_then(|mark| id::uid_of_mark(&self.replica, mark));
                let marked = marked.filter(|uid| self.is_original(&subject.remote_id, uid) && !has(Bug::MarkIgnored));
                wanted.push(marked.unwrap_or(present.document.uid()).to_owned());
            }
        }
        let mut linked = BTreeMap::new();
        for uids in wanted.chunks(READ_BATCH) {
            let shadows = self.fx.shadows_by_uid(&self.replica.id, uids.to_vec())?;
            linked.extend(shadows.into_iter().flatten().map(|shadow| (shadow.uid.clone(), shadow)));
        }
        let mut wanted = wanted.into_iter();
        for subject in subjects.iter_mut().filter(|subject| subject.shadow.is_none()) {
            let Remote::Present(present) = &mut subject.remote else { continue };
            let Some(uid) = wanted.next() else { continue };
            // Several may want the same one: a split at the provider may copy our mark.
            let uid = match linked.get(&uid).cloned() {
                Some(shadow) if !shadow.gone => {
                    self.end_first(present, &shadow)?;
                    id::derived_uid(&uid, &subject.remote_id)
                }
                _ if taken.contains(&uid) => id::derived_uid(&uid, &subject.remote_id),
                Some(shadow) if self.is_copy(present, &shadow)? => id::derived_uid(&uid, &subject.remote_id),
                Some(shadow) => {
                    present.notes.incarnation = Notes::parse(&shadow.notes).incarnation;
                    subject.shadow = Some(shadow);
                    uid
                }
                None => uid,
            };
            present.document.set_uid(&uid);
            taken.insert(uid);
        }
        Ok(())
    }

    /// Whether an event that carries our mark can be the one that was made here. A copy, such as the second half of a split
    /// series, is somebody's own event, also when the first one is gone (invariant I1).
    fn is_original(&self, remote_id: &str, uid: &str) -> bool {
        let mut made = (0..=MAX_INCARNATIONS).map(|incarnation| id::client_id(&self.replica, uid, incarnation));
        made.any(|client_id| self.provider.may_be_made_as(remote_id, &client_id))
    }

    /// Whether an event with the mark of one that is deleted on both sides is what a split at the provider left of it: nothing
    /// was asked for that has no answer, and it says something else than the deleted one did (invariant I1).
    fn is_copy(&mut self, newcomer: &Present, first: &Shadow) -> Flow<bool> {
        let is_settled = !first.remote_id.is_empty() && Notes::parse(&first.notes).unanswered().next().is_none();
        if !is_settled || !self.is_ours(newcomer, &first.uid) {
            return Ok(false);
        }
        let row = self.read_events(vec![first.uid.clone()])?.remove(&first.uid);
        let deleted = row.filter(|row| row.deleted).and_then(|row| Document::parse(&row.document).ok());
        Ok(deleted.is_some_and(|deleted| !self.expresses(newcomer, &deleted)))
    }

    /// An event may be made twice, when the first one was deleted before a late request that asked for it, too: the end of
    /// the first comes first then, and what was read is decided anew (invariant I2). What a split at the provider copied says
    /// other times.
    fn end_first(&mut self, second: &Present, first: &Shadow) -> Flow<()> {
        let agreed = Document::parse(first.agreed()).unwrap_or_default();
        let is_again = self.is_ours(second, &first.uid) && self.expresses(second, &agreed);
        if !is_again || !self.is_series_gone(&first.remote_id)? {
            return Ok(());
        }
        self.absorb(vec![Row::Gone(first.remote_id.clone())], vec![])?;
        Err(Stop::Stale)
    }

    /// Fetch the masters of exceptions that stayed without one.
    pub(super) fn fetch_masters(&mut self) -> Flow<()> {
        let orphans = self.fx.orphans(&self.replica.id, None, 1)?;
        let Some(first) = orphans.first() else {
            self.state.orphans = false;
            return self.commit(vec![], vec![]);
        };
        let master = first.master.clone();
        let request = self.provider.get(&self.target(), &master);
        let (verdict, response) = self.exchange(Purpose::Read, request)?;
        let forget = Change::DeleteOrphans(self.replica.id.clone(), master.clone());
        let target = self.target();
        if verdict == Verdict::Done {
            return match self.provider.read_row(&target, &response.body) {
                Ok(row @ Row::Event(_)) => {
                    let row = self.with_exceptions(row)?;
                    self.absorb(vec![row], vec![])
                }
                // The whole series was removed, its exceptions with it.
                _ => self.absorb(vec![], vec![forget]),
            };
        }
        // The master is not for us to see: its exceptions live on their own.
        let limit = u32::try_from(READ_BATCH).unwrap_or(u32::MAX);
        let orphans = self.fx.orphans(&self.replica.id, Some(vec![master]), limit)?;
        let target = self.target();
        let alone = orphans.iter().filter_map(|orphan| match self.provider.read_row(&target, orphan.row.as_bytes()) {
            Ok(Row::Exception(exception)) => self.provider.read_alone(&target, &exception).ok(),
            _ => None,
        });
        let alone: Vec<Row> = alone.filter(|row| matches!(row, Row::Event(_))).collect();
        self.absorb(alone, vec![forget])
    }

    /// Settle rows that came outside a listing, and commit.
    pub(super) fn absorb(&mut self, rows: Vec<Row>, changes: Vec<Change>) -> Flow<()> {
        self.absorb_seen(Seen { rows, ..Seen::default() }, changes)
    }
}

fn uid_of(subject: &Subject) -> Option<String> {
    match (&subject.shadow, &subject.remote) {
        (Some(shadow), _) => Some(shadow.uid.clone()),
        (None, Remote::Present(present)) => Some(present.document.uid().to_owned()),
        (None, Remote::Gone) => None,
    }
}
