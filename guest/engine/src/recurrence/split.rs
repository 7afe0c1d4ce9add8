//! "This and following": one series becomes two that together have the same occurrences.

use serde_json::{Map, Value, json};

use super::civil;
use super::expand::Budget;
use super::rule::Rule;
use super::series::{Override, Series, SeriesError};
use super::written::{BOUNDS, with_parts};
use crate::time::LocalDateTime;

/// Why a series cannot be split there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The document itself.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The recurrence id is no occurrence that every rule gives: it was excluded, added, or never there.
    #[error("there is no such occurrence")]
    NotAnOccurrence,
    /// It is the first: nothing would be left before it. Edit the whole series instead.
    #[error("it is the first occurrence")]
    First,
    /// A rule cannot be read, so what follows is not known.
    #[error("a rule of the series cannot be read")]
    Rule,
    /// Rules that exclude count from the old start; their second half cannot be written.
    #[error("the series has rules that exclude")]
    ExcludedRules,
    /// Finding the place would cost too much.
    #[error("the work budget of a recurrence is spent")]
    Spent,
}

/// Splits a series before an occurrence. The first document ends before it: COUNT is cut, or UNTIL set one second
/// (all-day: one day) before. The second starts at the original start of the occurrence, with what is left of COUNT.
/// Overrides go to the side of their original start. All else, `uid` included, is the same in both: the caller gives
/// the second its own.
pub fn split(document: &Value, recurrence_id: &str) -> Result<(Value, Value), SplitError> {
    let series = Series::read(document)?;
    let id = LocalDateTime::parse(recurrence_id).ok_or(SeriesError::RecurrenceId)?;
    let at = civil::seconds(id.0);
    if at == civil::seconds(series.start) {
        return Err(SplitError::First);
    }
    let rules = document.get("recurrenceRules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if series.rules.len() != rules.len() {
        return Err(SplitError::Rule);
    }
    if document.get("excludedRecurrenceRules").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return Err(SplitError::ExcludedRules);
    }
    if rules.is_empty() || matches!(series.overrides.get(&at), Some(Override::Excluded)) {
        return Err(SplitError::NotAnOccurrence);
    }
    if !has_before(&series, at) {
        return Err(SplitError::First);
    }
    let (mut earlier, mut later) = (Vec::new(), Vec::new());
    for (value, expander) in rules.iter().zip(&series.rules) {
        let mut budget = Budget::default();
        // Only from a start that it gives itself does a rule go on as before.
        if !expander.contains(at, &mut budget).map_err(|_| SplitError::Spent)? {
            return Err(SplitError::NotAnOccurrence);
        }
        let rule = Rule::from_json(value).map_err(|_| SplitError::Rule)?;
        let before = match rule.count {
            Some(_) => expander.count_before(at, &mut budget).map_err(|_| SplitError::Spent)?,
            None => 0,
        };
        let before = u32::try_from(before).map_err(|_| SplitError::Rule)?;
        let last = at - if series.all_day { civil::DAY_S } else { 1 };
        let (mut first, mut second) = (rule.clone(), rule);
        first.count = first.count.map(|_| before);
        second.count = second.count.map(|c| c.saturating_sub(before));
        if first.count.is_none() {
            first.until = civil::wall(last).map(LocalDateTime);
        }
        earlier.push(with_parts(value, &first, &BOUNDS));
        later.push(with_parts(value, &second, &BOUNDS));
    }
    let start = id.to_string();
    let side = |rules: Vec<Value>, is_later: bool| {
        let mut half = document.as_object().cloned().unwrap_or_default();
        half.insert("recurrenceRules".to_owned(), Value::Array(rules));
        keep_overrides(&mut half, |key| (key.0 >= id.0) == is_later);
        if is_later {
            half.insert("start".to_owned(), json!(start));
        }
        Value::Object(half)
    };
    Ok((side(earlier, false), side(later, true)))
}

/// Whether anything happens before: an occurrence that is not excluded, or an added one.
fn has_before(series: &Series, at: i64) -> bool {
    let kept = |change: &Override| matches!(change, Override::Patch(_));
    let generated = |skip: &dyn Fn(i64) -> bool| series.generated(i64::MIN, at, 1, &mut Budget::default(), skip).0;
    series.overrides.range(..at).any(|(_, change)| kept(change))
        || !generated(&|t| series.overrides.contains_key(&t)).is_empty()
}

fn keep_overrides(half: &mut Map<String, Value>, keep: impl Fn(LocalDateTime) -> bool) {
    if let Some(overrides) = half.get_mut("recurrenceOverrides").and_then(Value::as_object_mut) {
        // A key that cannot be read stays with the first half, where it was.
        overrides.retain(|key, _| keep(LocalDateTime::parse(key).unwrap_or(LocalDateTime(chrono::NaiveDateTime::MIN))));
        if overrides.is_empty() {
            half.remove("recurrenceOverrides");
        }
    }
}
