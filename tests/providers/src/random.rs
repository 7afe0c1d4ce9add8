//! Repeatable randomness: ids, shuffles, fault probabilities.
//! Invariant: the same seed and the same calls give the same numbers on every machine.

/// A small seeded generator (SplitMix64). Not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

impl Random {
    /// A generator that starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits().checked_rem(bound).unwrap_or(0)
    }

    /// True `permille` times in a thousand.
    pub fn chance(&mut self, permille: u32) -> bool {
        permille > 0 && self.below(1000) < u64::from(permille)
    }

    /// One of `items`, or nothing when it is empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        items.get(at)
    }

    /// A lower-case base32hex text of `length` characters, as Google's own event ids are.
    pub fn base32hex(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        for _ in 0..length {
            let at = (self.bits() & 31) as usize;
            text.push(char::from(ALPHABET.get(at).copied().unwrap_or(b'0')));
        }
        text
    }
}

fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stable 64-bit number for `text` under `seed`.
#[must_use]
pub fn mix(seed: u64, text: &str) -> u64 {
    text.bytes().fold(scramble(seed ^ 0xcbf2_9ce4_8422_2325), |hash, byte| scramble(hash ^ u64::from(byte)))
}
