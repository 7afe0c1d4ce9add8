//! Skip tokens and delta tokens of deltas.
//! Invariant: a token is opaque to callers and carries all state, so deltas need no memory between calls.

use crate::random::mix;

/// Where a delta stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Changes up to this number are known to the caller; none in a first round.
    pub(crate) after: Option<u64>,
    /// The change number when the round began; the delta token at its end carries it.
    pub(crate) upto: u64,
    /// The next place or key.
    pub(crate) next: u64,
    /// Generation of the calendar when the round began.
    pub(crate) generation: u64,
    /// Fingerprint of the calendar and the kind of delta.
    pub(crate) shape: u64,
    /// The window in UTC milliseconds; of events/delta only the start counts.
    pub(crate) window: (i64, i64),
    /// When the token was given out, in milliseconds since the Unix epoch.
    pub(crate) issued_ms: i64,
    /// A page of the round was answered.
    pub(crate) begun: bool,
}

fn bits(number: i64) -> u64 {
    u64::from_be_bytes(number.to_be_bytes())
}

fn number(bits: u64) -> i64 {
    i64::from_be_bytes(bits.to_be_bytes())
}

impl Position {
    /// The token's text; `kind` is `s` for a skip token, `d` for a delta token.
    pub(crate) fn seal(&self, kind: char) -> String {
        let after = self.after.map_or(0, |seq| seq + 1);
        let (low, high) = self.window;
        let all = [
            after,
            self.upto,
            self.next,
            self.generation,
            self.shape,
            bits(low),
            bits(high),
            bits(self.issued_ms),
            u64::from(self.begun),
        ];
        let list: Vec<String> = all.iter().map(|n| format!("{n:x}")).collect();
        let text = format!("{kind}.{}", list.join("."));
        let check = mix(0x5ea1, &text) & 0xffff;
        data_encoding::BASE64URL_NOPAD.encode(format!("{text}.{check:x}").as_bytes())
    }

    /// Opens a token; none when it is not one of that kind.
    pub(crate) fn open(kind: char, token: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (rest, check) = text.rsplit_once('.')?;
        if format!("{:x}", mix(0x5ea1, rest) & 0xffff) != check {
            return None;
        }
        let list = rest.strip_prefix(kind)?.strip_prefix('.')?;
        let all: Option<Vec<u64>> = list.split('.').map(|part| u64::from_str_radix(part, 16).ok()).collect();
        match all?.as_slice() {
            [after, upto, next, generation, shape, low, high, issued, begun] => Some(Self {
                after: after.checked_sub(1),
                upto: *upto,
                next: *next,
                generation: *generation,
                shape: *shape,
                window: (number(*low), number(*high)),
                issued_ms: number(*issued),
                begun: *begun == 1,
            }),
            _ => None,
        }
    }
}
