//! Every bound of recurrence, with its reason. Reaching one is an answer, never a wait.

/// Bytes of one RRULE, EXDATE or RDATE text. A year of listed days fits; nothing honest is longer.
pub const TEXT_BYTES: usize = 65_536;
/// Items of one BY list: every day of a year from both ends.
pub const LIST_ITEMS: usize = 732;
/// Largest INTERVAL: more than three years of seconds.
pub const INTERVAL: u32 = 100_000_000;
/// Largest COUNT: what fits; counting is closed-form or pays from the budget.
pub const COUNT: u32 = u32::MAX;
/// Rules of one event that are read. Calendars of the world write one.
pub const RULES: usize = 16;
/// Periods (years, months, weeks, days, or steps of a sub-daily rule) one call may visit: about 5 ms of work.
pub const PERIODS: u32 = 50_000;
/// The last civil second there is: RFC 8984 writes years with four digits (9999-12-31T23:59:59).
pub const LAST_SECOND: i64 = 253_402_300_799;
/// Dates of one EXDATE or RDATE line.
pub const DATES: usize = 4_000;
