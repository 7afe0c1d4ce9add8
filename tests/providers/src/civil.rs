//! Times as ISO 8601 writes them, digit by digit: every row that is shown has some.
//! Invariant: the text is the one that chrono's `%Y-%m-%dT%H:%M:%S` gives.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

fn two(into: &mut String, number: u32) {
    for digit in [number / 10 % 10, number % 10] {
        into.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

/// `2026-03-01`, or with `""` between its parts `20260301`.
pub(crate) fn push_date(into: &mut String, date: NaiveDate, between: &str) {
    match u32::try_from(date.year()) {
        Ok(year @ 0..=9999) => {
            two(into, year / 100);
            two(into, year % 100);
        }
        // A sign comes with other years.
        _ => into.push_str(&date.format("%Y").to_string()),
    }
    into.push_str(between);
    two(into, date.month());
    into.push_str(between);
    two(into, date.day());
}

/// `2026-03-01T10:00:00`, or with `""` for dashes and colons `20260301T100000`.
pub(crate) fn push(into: &mut String, civil: NaiveDateTime, dash: &str, colon: &str) {
    push_date(into, civil.date(), dash);
    into.push('T');
    two(into, civil.hour());
    into.push_str(colon);
    two(into, civil.minute());
    into.push_str(colon);
    two(into, civil.second());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_chrono() {
        for at_s in [0, 1_772_438_407, -62_135_596_801, -99_999_999_999, 253_402_300_800, 68_169_600] {
            let civil = chrono::DateTime::from_timestamp(at_s, 0).unwrap_or_default().naive_utc();
            let (mut long, mut short) = (String::new(), String::new());
            push(&mut long, civil, "-", ":");
            push(&mut short, civil, "", "");
            assert_eq!(long, civil.format("%Y-%m-%dT%H:%M:%S").to_string());
            assert_eq!(short, civil.format("%Y%m%dT%H%M%S").to_string());
        }
    }
}
