//! Why ical-rs and Tandem may differ.
//!
//! A reason is a change of ical-rs's answer. It explains a difference only when the changed answer is Tandem's, to the
//! last occurrence; what no set of reasons explains is a bug.

use crate::library::Fix;

/// A reason for a difference.
pub(crate) struct Reason {
    pub(crate) name: &'static str,
    apply: fn(&mut Fix),
}

/// All that are known: readings that Tandem chose (see the module `recurrence`), a bound of Tandem, a bug of ical-rs.
pub(crate) const REASONS: [Reason; 5] = [
    Reason { name: "a start out of step is the first occurrence", apply: |fix| fix.start_first = true },
    Reason { name: "UNTIL as a date includes its day", apply: |fix| fix.until_day = true },
    Reason { name: "BYWEEKNO in calendar years, not week years", apply: |fix| fix.calendar_years = true },
    Reason { name: "of one excluded day the first 4,000 occurrences", apply: |fix| fix.day_bound = true },
    // FREQ=HOURLY;INTERVAL=3;BYMINUTE=1,54;UNTIL=20000921T060100 from 20000921T005400 misses 06:01;
    // FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,TU;WKST=TU;UNTIL=20201229 misses that day.
    Reason { name: "ical-rs loses the period that UNTIL cuts", apply: |fix| fix.until_by_hand = true },
];

/// Every set of reasons, the small ones first.
pub(crate) fn sets() -> Vec<(Vec<usize>, Fix)> {
    let mut sets: Vec<Vec<usize>> =
        (1u32..1 << REASONS.len()).map(|bits| (0..REASONS.len()).filter(|i| bits >> i & 1 == 1).collect()).collect();
    sets.sort_by_key(Vec::len);
    let fix = |set: Vec<usize>| {
        let mut fix = Fix::default();
        set.iter().for_each(|i| (REASONS[*i].apply)(&mut fix));
        (set, fix)
    };
    sets.into_iter().map(fix).collect()
}
