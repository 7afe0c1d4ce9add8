//! An event document read for expansion: its start, zone, length, rules and overrides.
//!
//! Bad data is not an error: what cannot be read is a [`Problem`] and is left out; only an event without a start or
//! in an unknown zone has no place in time.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde_json::{Map, Value};

use super::civil;
use super::expand::{Budget, Expander, OutOfStep, Spent};
use super::limits;
use super::rule::{Rule, RuleError};
use crate::time::{Duration, LocalDateTime, Zones};

/// Why an event has no place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// `start` is missing or no LocalDateTime.
    #[error("the event has no start")]
    Start,
    /// The zone is not known.
    #[error("the zone is not known")]
    Zone,
    /// Outside the years that can be written.
    #[error("the event is outside of time")]
    OutOfTime,
    /// The recurrence id is no LocalDateTime.
    #[error("the recurrence id is malformed")]
    RecurrenceId,
}

/// What of a series could not be used, or is odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The rule with this index in `recurrenceRules` (or, counted on, `excludedRecurrenceRules`) is left out.
    Rule {
        /// Its index.
        index: usize,
        /// Why.
        error: RuleError,
    },
    /// More rules than are read.
    TooManyRules,
    /// The start is not what the first rule says; it counts as the first occurrence.
    StartOutOfStep,
    /// `duration` cannot be read; the event counts as one without length.
    Duration,
    /// A key of `recurrenceOverrides` is no LocalDateTime, or its value no object.
    Override,
}

/// An override, by its original start.
#[derive(Debug, Clone, Copy)]
pub(super) enum Override<'a> {
    Excluded,
    Patch(&'a Map<String, Value>),
}

/// A document, read. Times are civil seconds.
#[derive(Debug)]
pub struct Series<'a> {
    pub(super) document: &'a Value,
    pub(super) start: NaiveDateTime,
    pub(super) zone: Option<&'a str>,
    pub(super) all_day: bool,
    pub(super) duration: Duration,
    pub(super) rules: Vec<Expander>,
    pub(super) excluded: Vec<Expander>,
    pub(super) overrides: BTreeMap<i64, Override<'a>>,
    /// It has rules, be they readable or not, or overrides.
    pub(super) recurs: bool,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Series<'a> {
    /// Reads an event document. What of it cannot be used is left out, see [`problems`].
    pub fn read(document: &'a Value) -> Result<Self, SeriesError> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let start = text("start").and_then(LocalDateTime::parse).ok_or(SeriesError::Start)?.0;
        let all_day = document.get("showWithoutTime").and_then(Value::as_bool).unwrap_or(false);
        let mut series = Series {
            document,
            start,
            zone: text("timeZone"),
            all_day,
            duration: Duration::default(),
            rules: Vec::new(),
            excluded: Vec::new(),
            overrides: BTreeMap::new(),
            recurs: false,
            problems: Vec::new(),
        };
        match text("duration").map(Duration::parse) {
            Some(Some(duration)) => series.duration = duration,
            Some(None) => series.problems.push(Problem::Duration),
            None => {}
        }
        let rules = array(document, "recurrenceRules");
        series.rules = series.read_rules(rules, 0, OutOfStep::First);
        series.excluded = series.read_rules(array(document, "excludedRecurrenceRules"), rules.len(), OutOfStep::Drop);
        if series.rules.iter().any(Expander::is_out_of_step) {
            series.problems.push(Problem::StartOutOfStep);
        }
        series.read_overrides();
        series.recurs = !rules.is_empty() || !series.overrides.is_empty();
        Ok(series)
    }

    fn read_rules(&mut self, list: &[Value], first_index: usize, out_of_step: OutOfStep) -> Vec<Expander> {
        if list.len() > limits::RULES {
            self.problems.push(Problem::TooManyRules);
        }
        let mut rules = Vec::new();
        for (index, value) in list.iter().enumerate().take(limits::RULES) {
            let rule = Rule::from_json(value);
            match rule.and_then(|rule| Expander::new(&rule, self.start, self.all_day, out_of_step)) {
                Ok(rule) => rules.push(rule),
                Err(error) => self.problems.push(Problem::Rule { index: first_index + index, error }),
            }
        }
        rules
    }

    fn read_overrides(&mut self) {
        let document = self.document;
        for (key, value) in document.get("recurrenceOverrides").and_then(Value::as_object).into_iter().flatten() {
            let (Some(key), Some(patch)) = (LocalDateTime::parse(key), value.as_object()) else {
                if !value.is_null() {
                    self.problems.push(Problem::Override);
                }
                continue;
            };
            let excluded = patch.get("excluded").and_then(Value::as_bool).unwrap_or(false);
            let kind = if excluded { Override::Excluded } else { Override::Patch(patch) };
            self.overrides.insert(civil::seconds(key.0), kind);
        }
    }

    /// The original starts in `[from, to)` that rules and start give and excluded rules leave, ascending; overrides
    /// are not looked at, but for `skip`. Stops after `limit` of each rule.
    pub(super) fn generated(
        &self,
        from: i64,
        to: i64,
        limit: usize,
        budget: &mut Budget,
        skip: impl Fn(i64) -> bool,
    ) -> (Vec<i64>, Result<(), Spent>) {
        let mut found = Vec::new();
        let outcome = self.generate(from, to, limit, budget, |at| {
            let wanted = !skip(at);
            if wanted {
                found.push(at);
            }
            wanted
        });
        if self.rules.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        (found, outcome)
    }

    /// Calls `visit` with what [`Series::generated`] gives, rule by rule, each ascending, until of each rule it has
    /// said true `limit` times.
    pub(super) fn generate(
        &self,
        from: i64,
        to: i64,
        limit: usize,
        budget: &mut Budget,
        mut visit: impl FnMut(i64) -> bool,
    ) -> Result<(), Spent> {
        let start = civil::seconds(self.start);
        let mut outcome = Ok(());
        if self.rules.is_empty() && from <= start && start < to {
            visit(start);
        }
        for rule in &self.rules {
            let mut left = limit;
            let mut excluding = *budget;
            let mut inner = Ok(());
            let each = rule.each(from, to, budget, |at| {
                match self.is_excluded(at, &mut excluding) {
                    Ok(false) => left = left.saturating_sub(usize::from(visit(at))),
                    Ok(true) => {}
                    Err(spent) => inner = Err(spent),
                }
                left > 0 && inner.is_ok()
            });
            outcome = outcome.and(each).and(inner);
        }
        outcome
    }

    fn is_excluded(&self, at: i64, budget: &mut Budget) -> Result<bool, Spent> {
        for rule in &self.excluded {
            if rule.contains(at, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn array<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What of a document's recurrence cannot be used or is odd. Empty for a sound event.
pub fn problems(document: &Value) -> Result<Vec<Problem>, SeriesError> {
    Series::read(document).map(|series| series.problems)
}

/// Whether a recurrence id is an occurrence that the rules (or the start) give and the excluded rules leave.
/// Overrides are not asked: an excluded occurrence is still one of the series. False when the budget was not enough.
pub fn contains(document: &Value, recurrence_id: &str) -> Result<bool, SeriesError> {
    let series = Series::read(document)?;
    let at = civil::seconds(LocalDateTime::parse(recurrence_id).ok_or(SeriesError::RecurrenceId)?.0);
    Ok(series.has(at))
}

impl Series<'_> {
    pub(super) fn has(&self, at: i64) -> bool {
        !self.generated(at, at + 1, 1, &mut Budget::default(), |_| false).0.is_empty()
    }
}

/// The original starts on a day of the event's own calendar, as [`contains`] counts them: what an EXDATE with
/// `VALUE=DATE` removes from a series with times.
pub fn occurrences_on(document: &Value, date: chrono::NaiveDate) -> Result<Vec<LocalDateTime>, SeriesError> {
    let series = Series::read(document)?;
    let from = civil::seconds(LocalDateTime::midnight(date).0);
    let (found, _) = series.generated(from, from + civil::DAY_S, limits::DATES, &mut Budget::default(), |_| false);
    Ok(found.into_iter().filter_map(civil::wall).map(LocalDateTime).collect())
}

/// When something begins and ends: ms since the epoch, not yet cut at it.
pub(super) fn instants(
    start: NaiveDateTime,
    duration: Duration,
    zone: &str,
    zones: &dyn Zones,
) -> Result<(i64, i64), SeriesError> {
    if !zones.exists(zone) {
        return Err(SeriesError::Zone);
    }
    let at = |local| zones.to_utc_ms(zone, local).ok_or(SeriesError::OutOfTime);
    let begin = at(start)?;
    // Days are days of the calendar, the rest is exact (RFC 8984 1.4.6).
    let end = if duration.days == 0 { begin } else { at(duration.after_days(start).ok_or(SeriesError::OutOfTime)?)? };
    Ok((begin, end.saturating_add(i64::try_from(duration.ms).unwrap_or(i64::MAX)).max(begin)))
}
