//! Ordered sets as bits: the days of a period, the times of a day. Counting and picking never list them.

/// Days of one period, as offsets 0 to 383 from its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DaySet([u64; 6]);

impl DaySet {
    pub(super) fn from_bits(bits: u64) -> Self {
        DaySet([bits, 0, 0, 0, 0, 0])
    }

    /// Offsets 0 to 63, as bits.
    pub(super) fn first_word(&self) -> u64 {
        let [first, ..] = self.0;
        first
    }

    pub(super) fn insert(&mut self, offset: i64) {
        self.insert_bits(offset, 1);
    }

    /// Adds the offsets `from..to`, cut to the set's range.
    pub(super) fn insert_range(&mut self, from: i64, to: i64) {
        for offset in from.max(0)..to.min(384) {
            self.insert(offset);
        }
    }

    /// Adds `bits`, whose bit 0 is `offset`; at most 64 days, offsets outside the range are dropped.
    pub(super) fn insert_bits(&mut self, offset: i64, bits: u64) {
        let Ok(offset) = usize::try_from(offset) else { return };
        let (word, shift) = (offset / 64, offset % 64);
        if let Some(w) = self.0.get_mut(word) {
            *w |= bits << shift;
        }
        if shift > 0
            && let Some(w) = self.0.get_mut(word + 1)
        {
            *w |= bits >> (64 - shift);
        }
    }

    pub(super) fn intersect(&mut self, other: &DaySet) {
        for (w, o) in self.0.iter_mut().zip(other.0) {
            *w &= o;
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|w| u64::from(w.count_ones())).sum()
    }

    /// How many offsets lie below this one.
    pub(super) fn below(&self, offset: i64) -> u64 {
        let count = |(base, w): (i64, &u64)| match offset - base {
            ..=0 => 0,
            n @ 1..64 => u64::from((w & ((1u64 << n) - 1)).count_ones()),
            _ => u64::from(w.count_ones()),
        };
        (0..).step_by(64).zip(&self.0).map(count).sum()
    }

    pub(super) fn contains(&self, offset: i64) -> bool {
        let Ok(offset) = usize::try_from(offset) else { return false };
        self.0.get(offset / 64).is_some_and(|w| w >> (offset % 64) & 1 == 1)
    }

    /// The offset with so many below it.
    pub(super) fn nth(&self, mut n: u64) -> Option<i64> {
        for (base, w) in (0..).step_by(64).zip(self.0) {
            let here = u64::from(w.count_ones());
            if n < here {
                let w = (0..n).fold(w, |w, _| w & w.wrapping_sub(1));
                return Some(base + i64::from(w.trailing_zeros()));
            }
            n -= here;
        }
        None
    }

    /// Calls `f` with each offset from `first` on, in order, until it says false; false then.
    pub(super) fn walk(&self, first: i64, mut f: impl FnMut(i64) -> bool) -> bool {
        for (base, w) in (0..).step_by(64).zip(self.0) {
            let mut w = match first - base {
                ..=0 => w,
                n @ 1..64 => w & (!0 << n),
                _ => 0,
            };
            while w != 0 {
                if !f(base + i64::from(w.trailing_zeros())) {
                    return false;
                }
                w &= w - 1;
            }
        }
        true
    }
}

/// Seconds of a day: every hour of a mask, with the same seconds inside each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeSet {
    hours: u32,
    /// Seconds of the hour, ascending, each once.
    inner: Vec<u16>,
}

impl TimeSet {
    pub(super) fn new(hours: u32, inner: Vec<u16>) -> Self {
        TimeSet { hours, inner }
    }

    fn per_hour(&self) -> u64 {
        self.inner.len() as u64
    }

    pub(super) fn len(&self) -> u64 {
        u64::from(self.hours.count_ones()) * self.per_hour()
    }

    /// The second of the day with so many below it.
    pub(super) fn nth(&self, n: u64) -> Option<i64> {
        let skipped = n.checked_div(self.per_hour())?;
        let inner = self.inner.get(usize::try_from(n % self.per_hour()).ok()?)?;
        let hours = (0..skipped.min(32)).fold(self.hours, |w, _| w & w.wrapping_sub(1));
        (hours != 0).then(|| i64::from(hours.trailing_zeros()) * 3_600 + i64::from(*inner))
    }

    /// How many seconds lie below this second of the day (0 to 86,400).
    pub(super) fn below(&self, second: i64) -> u64 {
        let hour = second.div_euclid(3_600).clamp(0, 24);
        let whole = u64::from((self.hours & ((1u32 << hour) - 1)).count_ones()) * self.per_hour();
        let part = if self.hours >> hour & 1 == 1 {
            self.inner.partition_point(|s| i64::from(*s) < second - hour * 3_600) as u64
        } else {
            0
        };
        whole + part
    }
}

/// The indexes in a set of `len` that positions (1 the first, -1 the last) name: ascending, each once.
pub(super) fn positions(list: &[i32], len: u64) -> Vec<u64> {
    let index = |p: &i32| match p {
        1.. => u64::from(p.unsigned_abs() - 1),
        _ => len.wrapping_sub(u64::from(p.unsigned_abs())),
    };
    let mut out: Vec<u64> = list.iter().map(index).filter(|i| *i < len).collect();
    out.sort_unstable();
    out.dedup();
    out
}
