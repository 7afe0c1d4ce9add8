//! Exceptions of a series where they do not come with their master: its occurrences in the span of listings are
//! compared with its rules. What is not among them counts as deleted only when asking for it, or for everything around
//! its time, says so too; what cannot be compared as a whole changes nothing.

use std::collections::BTreeMap;

use super::session::{Flow, Session};
use super::troubled::Answer;
use crate::effects::{Effects, Request, Shadow};
use crate::event::{Document, is_excluded};
use crate::limits::{EVERYTHING_PAGES, OCCURRENCE_MARGIN_MS, OCCURRENCE_PAGES, PROOF_PAGE};
use crate::provider::{
    Instance, Notes, Occurrences, Placed, Purpose, RemoteEvent, RemoteException, Row, Span, Verdict,
};
use crate::time::LocalDateTime;

/// By recurrence id.
type ById<T> = BTreeMap<String, T>;

impl<F: Effects> Session<'_, F> {
    /// A series that came without its exceptions, with those that it has in the span of listings.
    pub(super) fn with_exceptions(&mut self, row: Row) -> Flow<Row> {
        let mut event = match row {
            Row::Event(event) if self.state.apart && event.exceptions.is_none() && event.document.is_recurring() => {
                event
            }
            row => return Ok(row),
        };
        if let Some((exceptions, span)) = self.exceptions_of(&event)? {
            event.exceptions = Some(exceptions);
            event.exceptions_span = Some(span);
        }
        Ok(Row::Event(event))
    }

    /// The exceptions of a series, and the span that they are complete in. None: what is known stays.
    fn exceptions_of(&mut self, event: &RemoteEvent) -> Flow<Option<(Vec<RemoteException>, Span)>> {
        let span = self.state.span.or_else(|| self.provider.span(self.now_ms).map(|(span, _)| span));
        let Some(span) = span else { return Ok(None) };
        let all = self.all_of(&event.id, OCCURRENCE_PAGES, |session, page| {
            session.provider.occurrences(&session.target(), &event.id, span, page)
        })?;
        let Some(all) = all else { return Ok(None) };
        let Some((found, sure)) = self.provider.exceptions_among(&self.target(), event, span, all) else {
            return Ok(None);
        };
        Ok(self.proven(event, found)?.map(|exceptions| (exceptions, sure)))
    }

    /// All occurrences of a series that a list shows; none when it is not shown as a whole.
    fn all_of(
        &mut self,
        id: &str,
        pages: u32,
        ask: impl Fn(&Self, Option<&str>) -> Option<Request>,
    ) -> Flow<Option<Vec<RemoteException>>> {
        let (mut all, mut page) = (Vec::new(), None);
        for _ in 0..pages {
            let Some(request) = ask(self, page.as_deref()) else { return Ok(None) };
            let (verdict, response) = self.exchange(Purpose::Read, request)?;
            if verdict != Verdict::Done {
                return Ok(None);
            }
            let Some(Occurrences { rows, next, complete }) =
                self.provider.read_occurrences(&self.target(), id, &response.body)
            else {
                return Err(self.fail("damaged-answer", "the provider's answer to a list of occurrences is damaged"));
            };
            if !complete {
                return Ok(None);
            }
            all.extend(rows);
            page = next;
            if page.is_none() {
                return Ok(Some(all));
            }
        }
        Ok(None)
    }

    /// Exceptions without the deletions that are none. None when that cannot be said.
    fn proven(&mut self, event: &RemoteEvent, found: Vec<RemoteException>) -> Flow<Option<Vec<RemoteException>>> {
        let (mut shown, mut missing) = (Vec::new(), ById::new());
        for row in found {
            match self.provider.place(&self.target(), &row, &event.document) {
                Ok(placed) if placed.patch.get("excluded").is_some_and(|excluded| *excluded == true) => {
                    missing.insert(placed.recurrence_id, row);
                }
                // One that cannot be read is told about when the series is put together.
                _ => shown.push(row),
            }
        }
        let shadow = self.fx.shadows_by_remote(&self.replica.id, vec![event.id.clone()])?.into_iter().flatten().next();
        let shadow = shadow.filter(|shadow| !shadow.gone);
        let before = shadow.as_ref().and_then(|shadow| Document::parse(&shadow.remote).ok()).unwrap_or_default();
        let told = |id: &String| before.overrides().and_then(|all| all.get(id)).is_some_and(is_excluded);
        let (told, open): (ById<_>, ById<_>) = missing.into_iter().partition(|(id, _)| told(id));
        shown.extend(told.into_values());
        if open.is_empty() {
            return Ok(Some(shown));
        }
        let known = known_ids(shadow.as_ref());
        let (named, unnamed): (ById<_>, ById<_>) = open.into_iter().partition(|(id, _)| known.contains_key(id));
        let Some(by_id) = self.prove_by_id(named, &known)? else { return Ok(None) };
        let Some(by_time) = self.prove_by_time(event, unnamed)? else { return Ok(None) };
        shown.extend(by_id);
        shown.extend(by_time);
        Ok(Some(shown))
    }

    /// Ask for known exceptions: as they are, or deleted.
    fn prove_by_id(
        &mut self,
        missing: ById<RemoteException>,
        known: &ById<Instance>,
    ) -> Flow<Option<Vec<RemoteException>>> {
        if missing.len() > PROOF_PAGE as usize {
            return Ok(None);
        }
        let (mut ids, mut deleted) = (Vec::new(), BTreeMap::new());
        for (recurrence_id, row) in missing {
            let Some(instance) = known.get(&recurrence_id) else { continue };
            ids.push(instance.id.clone());
            deleted.insert(instance.id.clone(), row);
        }
        let mut proven = Vec::new();
        for ids in ids.chunks(self.provider.batch_size().max(1)) {
            for Answer { id, verdict, response } in self.ask_many(ids)? {
                let row = match verdict {
                    Verdict::Done => match self.provider.read_row(&self.target(), &response.body) {
                        Ok(Row::Exception(row)) => Some(*row),
                        _ => None,
                    },
                    Verdict::NotFound => deleted.remove(&id),
                    _ => None,
                };
                let Some(row) = row else { return Ok(None) };
                proven.push(row);
            }
        }
        Ok(Some(proven))
    }

    /// Look for occurrences that have no known id among everything around their times.
    fn prove_by_time(
        &mut self,
        event: &RemoteEvent,
        mut missing: ById<RemoteException>,
    ) -> Flow<Option<Vec<RemoteException>>> {
        let ids: Vec<&String> = missing.keys().collect();
        let Some(shown) = self.shown_around(&event.id, &event.document, &ids)? else { return Ok(None) };
        let mut proven = Vec::new();
        for (placed, row) in shown {
            // As the series says: it is there, and no exception.
            if missing.remove(&placed.recurrence_id).is_some() && !placed.patch.is_empty() {
                proven.push(row);
            }
        }
        proven.extend(missing.into_values());
        Ok(Some(proven))
    }

    /// Whether everything around the time of an occurrence shows that it is not there.
    pub(super) fn is_proven_gone(&mut self, id: &str, series: &Document, recurrence_id: &String) -> Flow<bool> {
        let shown = self.shown_around(id, series, &[recurrence_id])?;
        Ok(shown.is_some_and(|shown| shown.iter().all(|(placed, _)| placed.recurrence_id != *recurrence_id)))
    }

    /// Occurrences of a series among everything around the times of some of them. None: not shown as a whole.
    fn shown_around(
        &mut self,
        id: &str,
        series: &Document,
        recurrence_ids: &[&String],
    ) -> Flow<Option<Vec<(Placed, RemoteException)>>> {
        let zone = series.str("timeZone").unwrap_or("Etc/UTC");
        let at =
            |id: &String| self.zones.to_utc_ms(zone, LocalDateTime::parse(id)?.0).and_then(|ms| u64::try_from(ms).ok());
        let times: Vec<u64> = recurrence_ids.iter().filter_map(|id| at(id)).collect();
        let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else { return Ok(Some(Vec::new())) };
        let span = Span {
            from_ms: first.saturating_sub(OCCURRENCE_MARGIN_MS),
            to_ms: last.saturating_add(OCCURRENCE_MARGIN_MS),
        };
        let all = self
            .all_of(id, EVERYTHING_PAGES, |session, page| session.provider.everything(&session.target(), span, page))?;
        let target = self.target();
        let placed = |row: RemoteException| Some((self.provider.place(&target, &row, series).ok()?, row));
        Ok(all.map(|all| all.into_iter().filter_map(placed).collect()))
    }
}

/// Exceptions that the provider can be asked for.
fn known_ids(shadow: Option<&Shadow>) -> ById<Instance> {
    let notes = Notes::of(shadow);
    notes.instances.into_iter().filter(|(_, instance)| !instance.etag.is_empty()).collect()
}
