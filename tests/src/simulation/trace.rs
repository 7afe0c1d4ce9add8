//! Everything that crossed the engine's boundary, as a number and, if wanted, as text.
//! Invariant: the same history gives the same trace in every process, natively and through the component.

use std::fmt::{Arguments, Debug, Write};
use std::hash::{Hash, Hasher};

/// See the module.
#[derive(Debug, Clone)]
pub struct Trace {
    hash: u64,
    text: Option<String>,
}

impl Default for Trace {
    fn default() -> Self {
        // The constants of FNV, over words of eight bytes: a check of equality, not of honesty.
        Self { hash: 0xcbf2_9ce4_8422_2325, text: None }
    }
}

impl Trace {
    /// A trace whose text is kept.
    #[must_use]
    pub fn kept() -> Self {
        Self { text: Some(String::new()), ..Self::default() }
    }

    /// The number of everything so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The text of everything so far; empty when it is not kept.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// A line.
    pub(crate) fn line(&mut self, line: Arguments<'_>) {
        // Writing to a number cannot fail.
        let _ = self.write_fmt(line);
        self.bytes(b"\n");
    }

    /// Some bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.write(bytes);
        if let Some(text) = &mut self.text {
            text.push_str(&String::from_utf8_lossy(bytes));
        }
    }

    /// Something with a name. Its text is made only where the text is kept: it takes ten times as long as its number.
    pub(crate) fn value(&mut self, name: Arguments<'_>, value: &(impl Hash + Debug)) {
        value.hash(self);
        if let Some(text) = &mut self.text {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} {value:?}");
        }
    }

    fn word(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }
}

impl Hasher for Trace {
    fn finish(&self) -> u64 {
        self.hash
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.word(rest.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)));
        }
    }
}

impl Write for Trace {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        self.bytes(part.as_bytes());
        Ok(())
    }
}
