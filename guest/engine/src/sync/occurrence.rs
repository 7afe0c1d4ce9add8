//! Finds the occurrence that an exception is to be written to, when it has no row of its own here. One that is not
//! where the series says is looked for with its whole series: an edit of it is written or recorded, never taken for
//! written (invariant I1).

use serde_json::{Map, Value};

use super::arrive::is_changed;
use super::present::{Present, overrides};
use super::scene::{Job, Pending};
use super::session::{Flow, Session};
use crate::effects::{Change, Effects};
use crate::event::Document;
use crate::limits::LOOKS_BEFORE_WRITE;
use crate::provider::{Instance, Purpose, RemoteException, Search, Verdict};
use crate::recurrence;

/// What the provider has at an occurrence.
pub(super) enum Found {
    /// What is known.
    AsKnown(Instance),
    /// Something else.
    Changed(RemoteException),
    /// Nothing, at that time.
    Nothing,
    /// It does not say; a code, and what to do.
    Refused(String, &'static str),
}

/// Why there is nothing to write to.
pub(super) enum Missing {
    /// The provider has nothing there; whether the occurrence was to be deleted.
    Hidden(bool),
    /// It does not say; a code, and what to do.
    Refused(String, &'static str),
}

impl<F: Effects> Session<'_, F> {
    /// Whether the provider's series has no such date, neither by its rules nor as an exception.
    pub(super) fn lacks(&self, present: &Present, recurrence_id: &str) -> bool {
        !recurrence::contains(present.document.value(), recurrence_id).unwrap_or(true)
    }

    /// Ask the provider for an occurrence that has no row of its own here.
    pub(super) fn find_instance(&mut self, job: &Job, present: &Present, recurrence_id: &str) -> Flow<Found> {
        let target = self.target();
        let found = self.provider.find_instance(&target, &job.scene.remote_id, &present.document, recurrence_id);
        let Some(request) = found else { return Ok(Found::Nothing) };
        let (verdict, found) = self.search(Purpose::Read, request, |session, body| {
            Ok(session.provider.read_instance(&session.target(), body, &present.document, recurrence_id))
        })?;
        match verdict {
            Verdict::Done => {}
            // Of the series: looking for it tells.
            Verdict::NotFound => return Ok(Found::Nothing),
            Verdict::Rejected { code, detail } => return Ok(Found::Refused(code, detail)),
            _ => return Err(self.fail("unexpected-answer", "the provider answered a search in an unknown way")),
        }
        let row = match found {
            Ok(Search::Found(row)) => row,
            Ok(Search::Nothing) => return Ok(Found::Nothing),
            Ok(Search::Next(_)) | Err(_) => {
                let detail = "the provider's answer to a search for an occurrence is damaged";
                return Err(self.fail("damaged-answer", detail));
            }
        };
        let known = overrides(&present.document).remove(recurrence_id).unwrap_or_else(|| Value::Object(Map::new()));
        Ok(match self.provider.place(&self.target(), &row, &present.document) {
            Ok(placed) if Some(&placed.patch) == known.as_object() => {
                Found::AsKnown(Instance { id: row.id, etag: row.etag, ours: false, blob: placed.blob })
            }
            Ok(_) => Found::Changed(row),
            Err(problem) => {
                Found::Refused(problem.code.to_owned(), "the provider's occurrence cannot be read; look at it there")
            }
        })
    }

    /// Settle what was found on the way to a write, which stays in the queue. With its series: an occurrence without a row of
    /// its own is like that, and looks changed when the series is.
    pub(super) fn take_in(&mut self, job: Job, row: RemoteException) -> Flow<()> {
        let Job { mut entry, scene } = job;
        let told = self.postpone_contested(&mut entry, &scene);
        let series = self.read_again(&scene.remote_id)?;
        // As it is next to that: what was found may be older, and like the series was then.
        let occurrence = self.read_as_is(&row.id)?;
        let changes = told.into_iter().chain([Change::Postpone(entry)]).collect();
        self.absorb(vec![series, occurrence], changes)
    }

    /// Look at the whole series for an occurrence that is not at its time: it was moved far away or deleted, or the
    /// series is gone or no series any more, and that was not announced yet. That comes first, and the write stays in the
    /// queue. When the series is as it was known, there is nothing to delete, and nothing to write to.
    pub(super) fn look_for(
        &mut self,
        job: Job,
        present: Present,
        recurrence_id: &str,
        why: Missing,
        wanted: &Document,
    ) -> Flow<()> {
        let Job { entry, scene } = job;
        let row = self.read_again(&scene.remote_id)?;
        let mut out = Pending::default();
        let rows = vec![row];
        let mut shadows = self.shadows_of(&rows, &[])?;
        let subjects = self.gather(rows, &mut shadows, &mut out.changes)?;
        if subjects.iter().any(is_changed) && entry.attempts < LOOKS_BEFORE_WRITE {
            return self.settle_first(out, entry, subjects);
        }
        let job = Job { entry, scene };
        // Asked for apart, exceptions are known within a span only.
        let series = &present.document;
        if matches!(why, Missing::Hidden(true))
            && (!self.state.apart || self.is_proven_gone(&job.scene.remote_id, series, &recurrence_id.to_owned())?)
        {
            return self.skip_exception(job, present, recurrence_id, wanted);
        }
        let (code, detail) = match why {
            Missing::Refused(code, detail) => (code, detail),
            Missing::Hidden(_) => (
                "occurrence-not-found".to_owned(),
                "the provider does not show this occurrence of the series; look at the series there, then change it again",
            ),
        };
        self.refuse_exception(job, recurrence_id, &code, detail)
    }
}
