//! The expander of one rule, in civil time: enter anywhere, count without listing, and never work without a bound.
//!
//! BYSETPOS counts in the whole period, also before DTSTART. COUNT counts from DTSTART. The answer never depends on
//! where the window begins, only on what lies in it.

use chrono::NaiveDateTime;

use super::civil;
use super::limits::{self, LAST_SECOND};
use super::plan::Plan;
use super::rule::{Rule, RuleError};

/// How much work a call may still do, in periods visited. The same input spends the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: u32,
}

/// The budget was spent; what came before is right, what follows is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work budget of a recurrence is spent")]
pub struct Spent;

impl Default for Budget {
    fn default() -> Self {
        Budget { left: limits::PERIODS }
    }
}

impl Budget {
    /// A budget of so many periods.
    pub fn new(periods: u32) -> Self {
        Budget { left: periods }
    }

    fn spend(&mut self) -> Result<(), Spent> {
        self.left = self.left.checked_sub(1).ok_or(Spent)?;
        Ok(())
    }
}

/// What becomes of a DTSTART that its own rule does not produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfStep {
    /// It is the first occurrence, and COUNT counts it. The rule of Tandem.
    First,
    /// It is none. For excluded rules, and to compare with libraries that do so.
    Drop,
}

/// When a rule ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It has no occurrence.
    Never,
    /// At this civil second.
    At(i64),
    /// Not later than this civil second; finding out more would cost too much.
    AtMost(i64),
    /// It has no end, or none that the budget could find.
    Endless,
}

/// A rule from a start, ready to be expanded. All times are civil seconds (the wall time as if it were UTC).
#[derive(Debug, Clone)]
pub struct Expander {
    plan: Plan,
    start: i64,
    /// DTSTART occurs although the rule does not produce it.
    extra_start: bool,
    /// Items of period 0 before DTSTART.
    skipped: u64,
    /// The last civil second allowed.
    until: i64,
    /// Occurrences allowed, without the extra start.
    count: Option<u64>,
    endless: bool,
}

impl Expander {
    /// Prepares a rule. `all_day` makes it ignore BYHOUR, BYMINUTE and BYSECOND.
    pub fn new(rule: &Rule, start: NaiveDateTime, all_day: bool, out_of_step: OutOfStep) -> Result<Self, RuleError> {
        rule.check()?;
        let plan = Plan::new(rule, start, all_day);
        let start = civil::seconds(start);
        let until = rule.until.map_or(LAST_SECOND, |u| civil::seconds(u.0).min(LAST_SECOND));
        let items = plan.items(0);
        let skipped = items.before(start);
        let in_step = items.nth(skipped) == Some(start) && start <= until;
        let extra_start = !in_step && out_of_step == OutOfStep::First;
        let count = rule.count.map(|c| u64::from(c) - u64::from(extra_start));
        let endless = rule.until.is_none() && rule.count.is_none();
        Ok(Expander { plan, start, extra_start, skipped, until, count, endless })
    }

    /// DTSTART is not what the rule says, and counts as the first occurrence nevertheless.
    pub fn is_out_of_step(&self) -> bool {
        self.extra_start
    }

    /// Calls `f` with every occurrence in `[from, to)`, ascending, until it says false.
    pub fn each(&self, from: i64, to: i64, budget: &mut Budget, mut f: impl FnMut(i64) -> bool) -> Result<(), Spent> {
        if self.extra_start && from <= self.start && self.start < to && !f(self.start) {
            return Ok(());
        }
        let end = to.min(self.until.saturating_add(1));
        let first = self.plan.period_at(from.max(self.start).min(LAST_SECOND));
        let mut seen = 0;
        if self.count.is_some() && self.plan.period_start(first) < end {
            seen = self.before_period(first, budget)?;
        }
        let mut period = first;
        while self.plan.period_start(period) < end {
            let left = self.count.map_or(u64::MAX, |c| c.saturating_sub(seen));
            if left == 0 {
                break;
            }
            budget.spend()?;
            let items = self.plan.items(period);
            let skip = if period == 0 { self.skipped } else { 0 };
            let enter = if period == first { items.before(from).max(skip) } else { skip };
            let mut left = left.saturating_sub(enter - skip);
            let more = left > 0
                && items.walk(enter, |t| {
                    left -= 1;
                    t < end && f(t) && left > 0
                });
            if !more {
                break;
            }
            seen = seen.saturating_add(items.len() - skip);
            period = self.plan.next(period);
            if let Some(time) = self.plan.one_time() {
                let left = self.count.map_or(u64::MAX, |c| c.saturating_sub(seen));
                return self.each_day(period, end, time, left, budget, f);
            }
        }
        Ok(())
    }

    /// What [`Expander::each`] does, from the beginning of a period on, where a period is a few days with one time.
    fn each_day(
        &self,
        mut period: i64,
        end: i64,
        time: i64,
        mut left: u64,
        budget: &mut Budget,
        mut f: impl FnMut(i64) -> bool,
    ) -> Result<(), Spent> {
        while left > 0 {
            let (first, mut days) = self.plan.days(period);
            if first * civil::DAY_S >= end {
                break;
            }
            budget.spend()?;
            while days != 0 {
                let at = (first + i64::from(days.trailing_zeros())) * civil::DAY_S + time;
                left -= 1;
                if at >= end || !f(at) || left == 0 {
                    return Ok(());
                }
                days &= days - 1;
            }
            period += 1;
        }
        Ok(())
    }

    /// How many occurrences to make room for in `[from, to)`: about as many as there are, never very many.
    pub(super) fn about(&self, from: i64, to: i64) -> usize {
        const MOST: u64 = 4_096;
        let (from, to) = (from.max(self.start), to.min(self.until.saturating_add(1)).min(LAST_SECOND));
        let Some(each) = self.plan.constant().filter(|_| from < to) else { return 0 };
        let periods = self.plan.period_at(to).saturating_sub(self.plan.period_at(from)).saturating_add(1);
        let all = each.saturating_mul(u64::try_from(periods).unwrap_or(0)).min(self.count.unwrap_or(MOST)).min(MOST);
        usize::try_from(all).unwrap_or(0)
    }

    /// Whether there is an occurrence at this civil second.
    pub fn contains(&self, at: i64, budget: &mut Budget) -> Result<bool, Spent> {
        let mut found = false;
        self.each(at, at.saturating_add(1), budget, |_| {
            found = true;
            false
        })?;
        Ok(found)
    }

    /// How many occurrences come before this civil second.
    pub fn count_before(&self, at: i64, budget: &mut Budget) -> Result<u64, Spent> {
        let extra = u64::from(self.extra_start && self.start < at);
        let at = at.min(self.until.saturating_add(1));
        if at <= self.start {
            return Ok(extra);
        }
        let period = self.plan.period_at(at);
        let skip = if period == 0 { self.skipped } else { 0 };
        let here = self.plan.items(period).before(at).saturating_sub(skip);
        let n = self.before_period(period, budget)?.saturating_add(here);
        Ok(extra + self.count.map_or(n, |c| c.min(n)))
    }

    /// The occurrences in the periods before this one: by arithmetic where every period is alike, else by walking.
    fn before_period(&self, period: i64, budget: &mut Budget) -> Result<u64, Spent> {
        if let (Some(n), Ok(before)) = (self.plan.constant(), u64::try_from(period)) {
            return Ok(n.saturating_mul(before).saturating_sub(if before > 0 { self.skipped } else { 0 }));
        }
        let (mut at, mut n) = (0, 0u64);
        while at < period {
            budget.spend()?;
            n = n.saturating_add(self.plan.items(at).len());
            at = self.plan.next(at);
        }
        Ok(n.saturating_sub(if period > 0 { self.skipped } else { 0 }))
    }

    /// The last occurrence.
    pub fn last(&self, budget: &mut Budget) -> Last {
        let rest = match self.count {
            _ if self.endless => return Last::Endless,
            Some(count) => self.last_of_count(count, budget),
            None => self.last_until(budget),
        };
        match rest {
            Last::Never if self.extra_start => Last::At(self.start),
            last => last,
        }
    }

    fn last_of_count(&self, count: u64, budget: &mut Budget) -> Last {
        // As an index among all items from the beginning of period 0.
        let Some(mut index) = count.checked_sub(1).map(|n| n.saturating_add(self.skipped)) else { return Last::Never };
        let mut period = 0;
        if let Some(n) = self.plan.constant() {
            let Some(whole) = index.checked_div(n) else { return Last::Never };
            index %= n;
            period = i64::try_from(whole).unwrap_or(i64::MAX);
        }
        while self.plan.period_start(period) <= LAST_SECOND {
            if budget.spend().is_err() {
                return Last::Endless;
            }
            let items = self.plan.items(period);
            if let Some(at) = items.nth(index) {
                return Last::At(at);
            }
            index -= items.len();
            period = self.plan.next(period);
        }
        Last::Endless
    }

    /// Backwards from UNTIL, period by period.
    fn last_until(&self, budget: &mut Budget) -> Last {
        if self.until < self.start {
            return Last::Never;
        }
        let mut period = self.plan.period_at(self.until);
        while period >= 0 {
            if budget.spend().is_err() {
                return Last::AtMost(self.until);
            }
            let items = self.plan.items(period);
            let n = items.before(self.until.saturating_add(1));
            if n > if period == 0 { self.skipped } else { 0 } {
                return items.nth(n - 1).map_or(Last::AtMost(self.until), Last::At);
            }
            period -= 1;
        }
        Last::Never
    }
}
