//! How inputs are made: from seeds, so that a run without variables is the same everywhere.

use std::time::{Duration, Instant};

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;

/// Bytes that an input is decoded from; the sizes take turns, so that small inputs are tried as often as large ones.
const SIZES: [u32; 4] = [48, 256, 1_024, 4_096];

/// Run a target on `runs` inputs, and longer when `TANDEM_FUZZ_SECONDS` says so. A property that has no use for an input
/// may give up with an error.
pub(crate) fn fuzz(name: &str, runs: u64, mut property: impl FnMut(&mut Unstructured<'_>) -> Result<()>) {
    if let Some(seed) = variable("TANDEM_FUZZ_SEED") {
        return once(&mut property, seed);
    }
    let longer = Duration::from_secs(variable("TANDEM_FUZZ_SECONDS").unwrap_or(0));
    let first = variable("TANDEM_FUZZ_FROM").unwrap_or(0);
    let start = Instant::now();
    let mut done = 0;
    while done < runs || start.elapsed() < longer {
        once(&mut property, seed(first + done));
        done += 1;
    }
    println!("{name}: {done} inputs");
}

/// The seed of an input, as arbtest writes it: the size below, random bits above.
fn seed(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed & 0xffff_ffff_0000_0000) | u64::from(SIZES[usize::try_from(number % 4).unwrap()])
}

fn once(property: &mut impl FnMut(&mut Unstructured<'_>) -> Result<()>, seed: u64) {
    arbtest(|source| {
        // An input that cannot be decoded says nothing.
        let _ = property(source);
        Ok(())
    })
    .seed(seed)
    .run();
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    Some(number.unwrap_or_else(|_| panic!("{name} is {text:?}, not a number")))
}

/// Prints what an input came to when the test fails while it is alive.
pub(crate) struct Shown(pub(crate) String);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("INPUT {}", self.0);
        }
    }
}
