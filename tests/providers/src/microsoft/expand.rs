//! Occurrences of a series: first their dates, then their moments.
//! Invariant: dates come in order, each once, none before the range's start; the range counts and ends in the
//! recurrence's own zone.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use super::config::ShortMonth;
use super::rule::{Pattern, Rule, Until};

/// Periods of a rule that are visited before it counts as ended.
const MAX_PERIODS: u64 = 60_000;
/// The last year that is looked at.
const LAST_YEAR: i32 = 2200;

/// The dates of a rule up to `last` (inclusive), at most `limit`.
pub(crate) fn dates(rule: &Rule, short: ShortMonth, last: NaiveDate, limit: usize) -> Vec<NaiveDate> {
    let most = match rule.until {
        Until::Count(count) => limit.min(count as usize),
        _ => limit,
    };
    let last = match rule.until {
        Until::Date(end) => last.min(end),
        _ => last,
    };
    let mut found = Vec::new();
    for period in 0..MAX_PERIODS {
        let Some((begin, mut days)) = period_days(rule, short, period) else { break };
        if begin > last || found.len() >= most {
            break;
        }
        days.sort_unstable();
        days.dedup();
        for day in days.into_iter().filter(|day| *day >= rule.start && *day <= last) {
            if found.len() < most {
                found.push(day);
            }
        }
    }
    found
}

/// A period's first day and the rule's days in it; none behind the last year.
fn period_days(rule: &Rule, short: ShortMonth, period: u64) -> Option<(NaiveDate, Vec<NaiveDate>)> {
    let steps = period.checked_mul(u64::from(rule.interval))?;
    let months = Months::new(u32::try_from(steps).ok()?);
    let month_of = |number: u32| {
        let year = rule.start.year().checked_add(i32::try_from(steps).ok()?)?;
        NaiveDate::from_ymd_opt(year, number, 1)
    };
    let (begin, days) = match &rule.pattern {
        Pattern::Daily => {
            let day = rule.start.checked_add_days(Days::new(steps))?;
            (day, vec![day])
        }
        Pattern::Weekly { days, first } => {
            let week =
                rule.start.week(*first).checked_first_day()?.checked_add_days(Days::new(steps.checked_mul(7)?))?;
            (week, week.iter_days().take(7).filter(|day| days.contains(&day.weekday())).collect())
        }
        Pattern::AbsoluteMonthly { day } => {
            let month = rule.start.with_day(1)?.checked_add_months(months)?;
            (month, numbered(month, *day, short).into_iter().collect())
        }
        Pattern::RelativeMonthly { days, index } => {
            let month = rule.start.with_day(1)?.checked_add_months(months)?;
            (month, nth(month, days, *index).into_iter().collect())
        }
        Pattern::AbsoluteYearly { day, month } => {
            let month = month_of(*month)?;
            (month, numbered(month, *day, short).into_iter().collect())
        }
        Pattern::RelativeYearly { days, month, index } => {
            let month = month_of(*month)?;
            (month, nth(month, days, *index).into_iter().collect())
        }
    };
    (begin.year() <= LAST_YEAR).then_some((begin, days))
}

fn numbered(month: NaiveDate, day: u32, short: ShortMonth) -> Option<NaiveDate> {
    month.with_day(day).or_else(|| match short {
        ShortMonth::Skip => None,
        ShortMonth::LastDay => month.checked_add_months(Months::new(1))?.pred_opt(),
    })
}

/// The day of the set at that index in the month; of several days the set counts together.
fn nth(month: NaiveDate, days: &[Weekday], index: usize) -> Option<NaiveDate> {
    let of_month = month.iter_days().take_while(|day| day.month() == month.month());
    let mut wanted = of_month.filter(|day| days.contains(&day.weekday()));
    if index >= 4 { wanted.last() } else { wanted.nth(index) }
}
