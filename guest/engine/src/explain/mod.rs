//! An event as a person would explain it: when it is, how it repeats, what comes next, every exception with its origin,
//! and where it stands at each replica. Reads only.

mod exceptions;
mod text;

use crate::agenda::Entry;
use crate::effects::{Effects, EventRow, ReplicaSummary, Shadow, StorageError, TimeMs};
use crate::event::Document;
use crate::limits::{MAX_EXPLAINED, MAX_WINDOW_MS};
use crate::provider::Notes;
use crate::recurrence::{self, Frequency, Problem, Rule, Window};
use crate::sync::outward;
use crate::time::Zones;

/// What is asked. See `wit/recurrence.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The calendar.
    pub calendar: String,
    /// The event.
    pub uid: String,
    /// From when on the next occurrences are wanted; none for now.
    pub from_ms: Option<TimeMs>,
    /// Where an event without a zone is placed: an IANA name.
    pub time_zone: String,
    /// How many occurrences, 1 to 100.
    pub limit: u32,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The event.
    pub event: EventRow,
    /// When it is: `Monday 2026-03-02, 09:00 to 10:00, Europe/Berlin`.
    pub when: String,
    /// How it repeats: a sentence for each rule; empty for an event that does not recur.
    pub rules: Vec<String>,
    /// The next occurrences.
    pub next: Vec<Entry>,
    /// The work budget ended before all that were asked for were found.
    pub truncated: bool,
    /// Every exception, by recurrence id.
    pub exceptions: Vec<Exception>,
    /// Where it stands at each replica.
    pub replicas: Vec<Standing>,
    /// What could not be used, or is odd.
    pub problems: Vec<String>,
    /// All of it as a text of several lines.
    pub text: String,
}

/// An occurrence that is not as its series says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its original start.
    pub recurrence_id: String,
    /// What it is.
    pub kind: Kind,
    /// In words: `moved to Wednesday 2026-03-25 15:00, changed title`.
    pub what: String,
    /// Who made it.
    pub origin: Origin,
    /// Replicas that do not have it yet.
    pub waiting: Vec<String>,
}

/// What an exception is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The occurrence is taken out.
    Cancelled,
    /// It is at another time.
    Moved,
    /// It is at its time, with other content.
    Changed,
    /// An occurrence that no rule gives.
    Added,
}

/// Who made an exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The application.
    Application,
    /// Somebody at the provider of this replica, as an exception of its own.
    Replica(String),
    /// A date that the series itself names at this replica (an EXDATE or RDATE).
    Series(String),
}

/// Where an event stands at a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The replica.
    pub replica: String,
    /// The provider's id of the event; empty when it is not there.
    pub remote_id: String,
    /// How it stands.
    pub state: Agreement,
}

/// How an event stands at a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// Both sides are as they last agreed.
    InStep,
    /// The local side was changed and is to be written.
    Waiting,
    /// It was never there.
    Never,
    /// It was there and is gone.
    Gone,
}

/// Why there is no explanation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No such event.
    #[error("no such event")]
    NotFound,
    /// The question is not valid; the text says what to change.
    #[error("{0}")]
    Invalid(String),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a replica knows of the event.
pub(super) struct Known {
    pub(super) replica: String,
    pub(super) shadow: Option<Shadow>,
    pub(super) notes: Notes,
    /// The local half of what was agreed on.
    pub(super) agreed: Document,
    /// The event now, as the replica may show it.
    pub(super) shown: Document,
}

/// Explain an event.
///
/// # Errors
/// See [`ExplainError`].
pub fn explain<F: Effects>(fx: &mut F, zones: &dyn Zones, question: &Question) -> Result<Explanation, ExplainError> {
    if question.limit == 0 || question.limit > MAX_EXPLAINED {
        return Err(ExplainError::Invalid(format!("the limit must be 1 to {MAX_EXPLAINED}")));
    }
    if !zones.exists(&question.time_zone) {
        return Err(ExplainError::Invalid("the time zone is not an IANA name such as Europe/Berlin".into()));
    }
    let event = fx.events(&question.calendar, vec![question.uid.clone()])?.into_iter().flatten().next();
    let event = event.filter(|event| !event.deleted).ok_or(ExplainError::NotFound)?;
    let document = Document::parse(&event.document).unwrap_or_default();
    let mut known = Vec::new();
    for replica in fx.calendar_replicas(&question.calendar)? {
        let shadow = fx.shadows_by_uid(&replica.id, vec![question.uid.clone()])?.into_iter().flatten().next();
        known.push(Known::of(replica, shadow, &document));
    }
    let from_ms = question.from_ms.unwrap_or_else(|| fx.now_ms());
    let mut problems = Vec::new();
    let (next, truncated) = next(&event, &document, question, from_ms, zones, &mut problems);
    let mut explanation = Explanation {
        when: text::when(&document, &question.time_zone),
        rules: rules(&document),
        next,
        truncated,
        exceptions: exceptions::of(&document, &known),
        replicas: known.iter().map(Known::standing).collect(),
        problems,
        text: String::new(),
        event,
    };
    explanation.text = text::of(&explanation, &document, &question.time_zone, zones);
    Ok(explanation)
}

impl Known {
    fn of(replica: ReplicaSummary, shadow: Option<Shadow>, document: &Document) -> Self {
        let notes = Notes::of(shadow.as_ref());
        let live = shadow.as_ref().filter(|shadow| !shadow.gone);
        let agreed = live.map(Shadow::agreed);
        let whole = |document: &Document| recurrence::whole(document).0;
        let agreed =
            agreed.and_then(|text| Document::parse(text).ok()).map(|agreed| whole(&agreed)).unwrap_or_default();
        let shown = outward::view(replica.mode, whole(document));
        Self { replica: replica.id, notes, agreed, shown, shadow }
    }

    /// Whether both sides have the event there.
    pub(super) fn is_live(&self) -> bool {
        self.shadow.as_ref().is_some_and(|shadow| !shadow.gone)
    }

    fn standing(&self) -> Standing {
        let state = match &self.shadow {
            None => Agreement::Never,
            // Its creation is noted, and not answered.
            Some(shadow) if shadow.gone && shadow.remote_id.is_empty() => Agreement::Never,
            Some(shadow) if shadow.gone => Agreement::Gone,
            Some(_) if self.agreed == self.shown => Agreement::InStep,
            Some(_) => Agreement::Waiting,
        };
        let remote_id = self.shadow.as_ref().filter(|shadow| !shadow.gone).map(|shadow| shadow.remote_id.clone());
        Standing { replica: self.replica.clone(), remote_id: remote_id.unwrap_or_default(), state }
    }
}

/// The next occurrences that begin or still go on. Looked for in windows that grow, so that a busy series costs
/// little and a rare one is found.
fn next(
    event: &EventRow,
    document: &Document,
    question: &Question,
    from_ms: TimeMs,
    zones: &dyn Zones,
    problems: &mut Vec<String>,
) -> (Vec<Entry>, bool) {
    let limit = question.limit as usize;
    let mut length_ms = 40 * 86_400_000;
    loop {
        let length = length_ms.min(MAX_WINDOW_MS * 5);
        let window = Window { from_ms, to_ms: from_ms.saturating_add(length), zone: &question.time_zone, limit };
        let found = match recurrence::occurrences(document.value(), &window, zones) {
            Ok(found) => found,
            Err(error) => {
                problems.push(error.to_string());
                return (Vec::new(), false);
            }
        };
        // Beyond its span an event does not occur.
        let all = window.to_ms >= event.end_ms.saturating_add(2 * 86_400_000) || length == MAX_WINDOW_MS * 5;
        if found.items.len() >= limit || all || (found.truncated && !found.items.is_empty()) {
            problems.extend(found.problems.iter().map(problem));
            let entries = found.items.into_iter().map(|item| Entry {
                uid: event.uid.clone(),
                recurrence_id: item.recurrence_id,
                start_ms: item.start_ms,
                end_ms: item.end_ms,
                revision: event.revision,
                document: item.document.to_string(),
            });
            let entries: Vec<Entry> = entries.collect();
            return (entries.clone(), found.truncated && entries.len() < limit);
        }
        length_ms *= 8;
    }
}

fn rules(document: &Document) -> Vec<String> {
    let mut said = Vec::new();
    for (name, before) in [("recurrenceRules", ""), ("excludedRecurrenceRules", "but not ")] {
        let rules = document.get(name).and_then(serde_json::Value::as_array);
        for value in rules.into_iter().flatten() {
            said.push(match Rule::from_json(value) {
                Ok(rule) => {
                    let often = matches!(rule.frequency, Frequency::Hourly | Frequency::Minutely | Frequency::Secondly);
                    let note = if often { " (expanded only within a bound of work)" } else { "" };
                    format!("{before}{}{note}", recurrence::sentence(&rule))
                }
                Err(error) => format!("{before}a rule that is kept as it is and cannot be expanded: {error}"),
            });
        }
    }
    said
}

fn problem(problem: &Problem) -> String {
    match problem {
        Problem::Rule { index, error } => format!("rule {} is not used: {error}", index + 1),
        Problem::TooManyRules => "there are more rules than are read; the rest is kept and not used".into(),
        Problem::StartOutOfStep => {
            "the start is not what its rule gives; it counts as the first occurrence, as the provider shows it".into()
        }
        Problem::Duration => "the duration cannot be read; the event counts as one without length".into(),
        Problem::Override => "an override cannot be read or placed; it is kept and not used".into(),
    }
}
