//! Random numbers of a history. Invariant: streams of one seed do not know each other, so that one more fault does not
//! change what people do.

/// What a stream decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// What people do.
    Workload,
    /// What goes wrong.
    Faults,
    /// When which worker works.
    Schedule,
    /// The rules of the providers, and what is in the calendars at the beginning.
    Data,
    /// What the providers do otherwise than is likely.
    Oddities,
}

/// One stream of numbers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(mixed(seed).max(1))
    }

    /// A stream of a seed.
    #[must_use]
    pub fn stream(seed: u64, stream: Stream) -> Self {
        Self::new(mixed(seed) ^ (stream as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n.max(1)
    }

    /// A small number below `n`.
    pub fn small(&mut self, n: u8) -> u8 {
        u8::try_from(self.below(u64::from(n))).unwrap_or(0)
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of some.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(usize::try_from(self.below(items.len() as u64)).unwrap_or(0))
    }
}

/// splitmix64: neighbours become strangers.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
