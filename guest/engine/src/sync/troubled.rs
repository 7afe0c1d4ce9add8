//! Events that the provider fails to show. While it may be the provider's trouble everything waits; an event that fails
//! again and again is set aside with a record, so that it holds up nothing else, and asked for every hour.

use super::pull::CALENDAR_NOT_FOUND;
use super::session::{Flow, Session};
use crate::effects::{Effects, Response};
use crate::limits::{LONE_READ_TRIES, READ_TRIES, UNREADABLE_AGAIN_MS, UNREADABLE_KEPT};
use crate::provider::{Position, Purpose, Verdict};

/// The tries of an event that was set aside.
const SET_ASIDE: u32 = u32::MAX;
/// HTTP's "too many requests": the caller's trouble, not the event's.
const TOO_MANY: u16 = 429;

/// HTTP's "not found".
const NOT_FOUND: u16 = 404;

/// What was answered about one event.
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) verdict: Verdict,
    pub(super) response: Response,
}

impl<F: Effects> Session<'_, F> {
    /// Ask for at most a batch of events: for each the answer that it would have had by itself.
    pub(super) fn ask_many(&mut self, ids: &[String]) -> Flow<Vec<Answer>> {
        let request = self.provider.get_many(&self.target(), ids);
        // Not there: only a request for a single event is answered so as a whole.
        let (_, response) = self.exchange(Purpose::ReadMany, request)?;
        let Some(answers) = self.provider.read_many(ids, response) else {
            return Err(self.fail("damaged-answer", "the provider's answer to a reading of events is damaged"));
        };
        let judge = |(id, response): (String, Response)| {
            let verdict = self.provider.classify(Purpose::Read, &response, self.now_ms);
            Answer { id, verdict, response }
        };
        Ok(answers.into_iter().map(judge).collect())
    }

    /// The same, when what failed has to be tried again or was tried often enough.
    pub(super) fn answers_about(&mut self, ids: &[String]) -> Flow<Vec<Answer>> {
        let mut answers = self.ask_many(ids)?;
        let is = |answers: &[Answer], verdict| answers.iter().any(|answer| answer.verdict == verdict);
        if !self.state.apart && is(&answers, Verdict::NotWhole) && !is(&answers, Verdict::Done) {
            // Perhaps the provider does not know all that was asked for; or it is about this event.
            self.tries_apart = true;
            let again = self.ask_many(ids);
            self.tries_apart = false;
            let again = again?;
            let is_done = is(&again, Verdict::Done);
            // A failure of the second try says nothing about the event.
            if is_done || again.iter().any(fails) {
                self.state.apart |= is_done;
                answers = again;
            }
        }
        self.wait_or_give_up(&answers)?;
        Ok(answers)
    }

    fn wait_or_give_up(&mut self, answers: &[Answer]) -> Flow<()> {
        let answered = answers.iter().any(|answer| !fails(answer) && answer.verdict != Verdict::NotWhole);
        let mut waits: Option<&Verdict> = None;
        for answer in answers {
            if !fails(answer) {
                match answer.verdict {
                    Verdict::NotWhole => self.set_event_aside(&answer.id),
                    _ => self.has_answered(&answer.id),
                }
            } else if !self.gives_up(answer, answered)
                && waits.is_none_or(|waits| pause(waits) < pause(&answer.verdict))
            {
                waits = Some(&answer.verdict);
            }
        }
        match waits.cloned() {
            None => Ok(()),
            Some(Verdict::Retry { code, after_ms }) => Err(self.back_off(code, after_ms)),
            Some(_) => Err(self.not_authorized()),
        }
    }

    /// Count a failure; true when the event is set aside.
    fn gives_up(&mut self, answer: &Answer, answered: bool) -> bool {
        let (id, status) = (&answer.id, answer.response.status);
        let tries = self.state.troubled.get(id).copied().unwrap_or_default();
        let limit = match status {
            TOO_MANY => return false,
            _ if tries == SET_ASIDE => return true,
            _ if answered => READ_TRIES,
            500..=599 => LONE_READ_TRIES,
            // The account or the mailbox.
            _ => return false,
        };
        if tries + 1 >= limit {
            self.set_event_aside(id);
            return true;
        }
        self.remember_trouble(id, tries + 1);
        false
    }

    /// "Not found" ends an event only when it is said again and again, while the calendar is shown: a calendar may be hidden
    /// for a while, and what is taken for deleted is made again or forgotten (invariants I1, I2).
    pub(super) fn must_be_gone(&mut self, id: &str, response: &Response) -> Flow<()> {
        if !self.provider.may_hide() || response.status != NOT_FOUND {
            return Ok(());
        }
        let tries = self.state.troubled.get(id).copied().unwrap_or_default() + 1;
        if tries < READ_TRIES {
            self.remember_trouble(id, tries);
            let detail = "the provider does not know an event that was there, or hides it for a while";
            return Err(self.fail("event-not-found", detail));
        }
        self.must_see_calendar()?;
        self.state.troubled.remove(id);
        Ok(())
    }

    /// An event is there: what was said of it before counts no more.
    pub(super) fn is_shown(&mut self, id: &str) {
        if self.provider.may_hide() {
            self.state.troubled.remove(id);
        }
    }

    /// The listing says whether the calendar is there.
    pub(super) fn must_see_calendar(&mut self) -> Flow<()> {
        let cursor = self.state.cursor.clone();
        let position = Position { cursor: cursor.as_deref(), page: None, span: self.state.span };
        let request = self.provider.list(&self.target(), position);
        match self.exchange(Purpose::List, request)?.0 {
            Verdict::Done | Verdict::CursorLost | Verdict::NoListing => Ok(()),
            _ => Err(self.fail("calendar-not-found", CALENDAR_NOT_FOUND)),
        }
    }

    /// An event is answered for: what was recorded while it was not is over.
    fn has_answered(&mut self, id: &str) {
        if self.state.troubled.remove(id) == Some(SET_ASIDE) {
            self.recovered.push(id.to_owned());
        }
    }

    fn set_event_aside(&mut self, id: &str) {
        self.remember_trouble(id, SET_ASIDE);
        if self.state.troubled_due_ms <= self.now_ms {
            self.state.troubled_due_ms = self.now_ms + UNREADABLE_AGAIN_MS;
        }
    }

    fn remember_trouble(&mut self, id: &str, tries: u32) {
        if self.state.troubled.len() >= UNREADABLE_KEPT && !self.state.troubled.contains_key(id) {
            self.state.troubled.pop_first();
        }
        self.state.troubled.insert(id.to_owned(), tries);
    }

    /// Whether an event was set aside: what happened to it since is not known.
    pub(super) fn is_set_aside(&self, id: &str) -> bool {
        self.state.troubled.get(id) == Some(&SET_ASIDE)
    }

    /// When to ask again for events that were set aside; none when there are none.
    pub(super) fn troubled_due_ms(&self) -> Option<u64> {
        let any = self.state.troubled.values().any(|tries| *tries == SET_ASIDE);
        any.then_some(self.state.troubled_due_ms)
    }

    /// Ask again for events that were set aside.
    pub(super) fn look_at_troubled(&mut self) -> Flow<()> {
        let all = self.state.troubled.iter().filter(|(_, tries)| **tries == SET_ASIDE);
        let ids: Vec<String> = all.map(|(id, _)| id.clone()).collect();
        self.state.troubled_due_ms = self.now_ms + UNREADABLE_AGAIN_MS;
        let known = self.live(ids.iter().cloned())?;
        let mut seen = self.look_at(&ids)?;
        let changes = self.measured(&mut seen.rows, &known);
        self.absorb_seen(seen, changes)
    }
}

/// Whether an answer may be another one next time.
fn fails(answer: &Answer) -> bool {
    matches!(answer.verdict, Verdict::Retry { .. } | Verdict::Unauthorized)
}

/// How long a verdict asks to wait.
fn pause(verdict: &Verdict) -> u64 {
    match verdict {
        Verdict::Retry { after_ms, .. } => after_ms.unwrap_or(1),
        _ => 0,
    }
}
