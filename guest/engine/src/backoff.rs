//! When to try again: exponential, with jitter, never earlier than the provider asks.

use crate::effects::TimeMs;

/// First pause after a failed request, in milliseconds.
const FIRST_MS: u64 = 2_000;
/// Longest pause that we choose ourselves; `Retry-After` has no cap.
const LONGEST_MS: u64 = 300_000;
/// Failed requests in a row after which a replica counts as throttled.
pub const THROTTLED_AFTER: u32 = 5;
/// Pauses after failed steps, in minutes; the last one repeats.
const STEP_MINUTES: [u64; 5] = [1, 2, 4, 8, 16];

/// When the next request may be sent after `attempts` (from 1) failed ones in a row. `random` adds 0 to 30 % of
/// jitter; `retry_after_ms` is what the provider asked for.
#[must_use]
pub fn next_request_ms(now_ms: TimeMs, attempts: u32, retry_after_ms: Option<u64>, random: u64) -> TimeMs {
    let doubled = FIRST_MS.saturating_mul(1_u64 << attempts.saturating_sub(1).min(20)).min(LONGEST_MS);
    let jittered = doubled + doubled * (random % 31) / 100;
    now_ms.saturating_add(retry_after_ms.map_or(jittered, |asked| asked.max(jittered.min(FIRST_MS))))
}

/// When a step that failed `attempts` times in a row (from 1) is tried again.
#[must_use]
pub fn next_step_ms(now_ms: TimeMs, attempts: u32) -> TimeMs {
    let index = (attempts.max(1) as usize - 1).min(STEP_MINUTES.len() - 1);
    now_ms + STEP_MINUTES.get(index).copied().unwrap_or(16) * 60_000
}

/// True when a step has failed so often that somebody should know.
#[must_use]
pub fn step_gave_up(attempts: u32) -> bool {
    attempts as usize >= STEP_MINUTES.len()
}

/// `Retry-After` in milliseconds: seconds, or an HTTP date (RFC 9110 section 10.2.3).
#[must_use]
pub fn retry_after_ms(value: &str, now_ms: TimeMs) -> Option<u64> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let date = chrono::DateTime::parse_from_rfc2822(value.trim()).ok()?;
    Some(u64::try_from(date.timestamp_millis()).ok()?.saturating_sub(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let pause = |n| next_request_ms(0, n, None, 0);
        assert_eq!(
            [pause(1), pause(2), pause(3), pause(8), pause(9), pause(60)],
            [2_000, 4_000, 8_000, 256_000, 300_000, 300_000]
        );
    }

    #[test]
    fn jitter_adds_at_most_thirty_percent() {
        for random in 0..200 {
            let at = next_request_ms(0, 3, None, random);
            assert!((8_000..=10_400).contains(&at), "{at}");
        }
    }

    #[test]
    fn retry_after_wins_without_a_cap() {
        assert_eq!(next_request_ms(5, 1, Some(7_200_000), 9), 7_200_005);
        assert_eq!(retry_after_ms("120", 0), Some(120_000));
        assert_eq!(retry_after_ms("Thu, 01 Jan 1970 00:01:00 GMT", 15_000), Some(45_000));
        assert_eq!(retry_after_ms("soon", 0), None);
    }

    #[test]
    fn failed_steps_wait_one_to_sixteen_minutes() {
        let minutes: Vec<u64> = (1..=7).map(|n| next_step_ms(0, n) / 60_000).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 16, 16]);
        assert!(!step_gave_up(4) && step_gave_up(5));
    }
}
