//! What one period holds, in order, without listing it: counted, entered in the middle and walked.

use super::civil::DAY_S;
use super::sets::{DaySet, TimeSet};

#[derive(Debug, Clone)]
enum Kind<'a> {
    /// Times in each of some days.
    Days { first: i64, days: DaySet, times: &'a TimeSet },
    /// Seconds after a moment.
    Offsets { at: i64, offsets: &'a [u16] },
}

/// The items of a period, as civil seconds, ascending.
#[derive(Debug, Clone)]
pub(super) struct Items<'a> {
    kind: Kind<'a>,
    /// Only these of them, by index.
    picked: Option<Vec<u64>>,
}

impl<'a> Items<'a> {
    pub(super) fn days(first: i64, days: DaySet, times: &'a TimeSet) -> Self {
        Items { kind: Kind::Days { first, days, times }, picked: None }
    }

    pub(super) fn offsets(at: i64, offsets: &'a [u16]) -> Self {
        Items { kind: Kind::Offsets { at, offsets }, picked: None }
    }

    pub(super) fn pick(mut self, picked: Vec<u64>) -> Self {
        self.picked = Some(picked);
        self
    }

    fn all_len(&self) -> u64 {
        match &self.kind {
            Kind::Days { days, times, .. } => days.len() * times.len(),
            Kind::Offsets { offsets, .. } => offsets.len() as u64,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.picked.as_ref().map_or_else(|| self.all_len(), |p| p.len() as u64)
    }

    /// How many items come before a civil second.
    pub(super) fn before(&self, second: i64) -> u64 {
        let all = match &self.kind {
            Kind::Days { first, days, times } => {
                let (day, time) = (second.div_euclid(DAY_S) - first, second.rem_euclid(DAY_S));
                let part = if days.contains(day) { times.below(time) } else { 0 };
                days.below(day) * times.len() + part
            }
            Kind::Offsets { at, offsets } => offsets.partition_point(|o| at + i64::from(*o) < second) as u64,
        };
        self.picked.as_ref().map_or(all, |p| p.partition_point(|i| *i < all) as u64)
    }

    /// The item with so many before it.
    pub(super) fn nth(&self, n: u64) -> Option<i64> {
        let n = match &self.picked {
            Some(picked) => *picked.get(usize::try_from(n).ok()?)?,
            None => n,
        };
        match &self.kind {
            Kind::Days { first, days, times } => {
                let day = days.nth(n.checked_div(times.len())?)?;
                Some((first + day) * DAY_S + times.nth(n % times.len())?)
            }
            Kind::Offsets { at, offsets } => Some(at + i64::from(*offsets.get(usize::try_from(n).ok()?)?)),
        }
    }

    /// Calls `f` with the items from index `n` on until it says false; false then.
    pub(super) fn walk(&self, n: u64, mut f: impl FnMut(i64) -> bool) -> bool {
        if let (Kind::Days { first, days, times }, None) = (&self.kind, &self.picked)
            && times.len() == 1
            && let (Some(time), Some(day)) = (times.nth(0), days.nth(n))
        {
            return days.walk(day, |d| f((first + d) * DAY_S + time));
        }
        (n..self.len()).all(|i| self.nth(i).is_none_or(&mut f))
    }
}
