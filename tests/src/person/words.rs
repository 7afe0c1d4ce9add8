//! The words of cases of series: what a person changes, and what a person sees.

use serde_json::Value;
use tandem_engine::time::parse_rfc3339;

/// A window of time: from, to (ms since the epoch; the end is outside).
pub type Window = (i64, i64);

/// An occurrence as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// Its start: ms since the epoch; of an all-day one the midnight of its date in UTC.
    pub start_ms: i64,
    /// Whether it is a date without a time.
    pub all_day: bool,
    /// How long it is in time that passes, in minutes.
    pub minutes: i64,
    /// Its title.
    pub title: String,
    /// Where it is; empty when nowhere.
    pub location: String,
    /// Its notes; empty when there are none.
    pub description: String,
    /// Addresses of those who are invited, sorted.
    pub participants: Vec<String>,
}

/// Which occurrence an edit names, by its original start.
#[derive(Debug, Clone)]
pub struct Place {
    /// Wall time, as JSCalendar has it.
    pub recurrence_id: String,
    /// The instant; none in an all-day series.
    pub utc: Option<String>,
}

/// What an edit does, in the words of a case.
#[derive(Debug, Clone)]
pub struct Change(Value);

impl Change {
    /// Out of a case.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// Whether everything named is deleted.
    #[must_use]
    pub fn deletes(&self) -> bool {
        self.0["delete"] == true
    }

    /// A new text: `title`, `location`, `description`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0[name].as_str()
    }

    /// A new start.
    #[must_use]
    pub fn start(&self) -> Option<Place> {
        let recurrence_id = self.0["start"].as_str()?.to_owned();
        Some(Place { recurrence_id, utc: self.0["utc"].as_str().map(str::to_owned) })
    }

    /// A new length, as JSCalendar has it.
    #[must_use]
    pub fn duration(&self) -> Option<&str> {
        self.0["duration"].as_str()
    }

    /// A new rule: a JSCalendar `RecurrenceRule`.
    #[must_use]
    pub fn rule(&self) -> Option<&Value> {
        self.0.get("rule")
    }

    /// Everybody who is invited from now on.
    #[must_use]
    pub fn participants(&self) -> Option<Vec<String>> {
        let list = self.0["participants"].as_array()?;
        Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}

/// The minutes of a length as the cases write it: `PT90M` or `P2D`.
///
/// # Panics
/// When it is written otherwise.
#[must_use]
pub fn length_minutes(duration: &str) -> i64 {
    let number = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("not a length of a case: {duration}"));
    match (duration.strip_prefix("PT"), duration.strip_prefix('P')) {
        (Some(minutes), _) => number(minutes.trim_end_matches('M')),
        (None, Some(days)) => number(days.trim_end_matches('D')) * 24 * 60,
        (None, None) => panic!("not a length of a case: {duration}"),
    }
}

impl Occurrence {
    /// Out of the expectation of a case.
    ///
    /// # Panics
    /// When the case is not well made.
    #[must_use]
    pub fn expected(row: &Value) -> Self {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let all_day = row["utc"].is_null();
        let moment = if all_day { format!("{}Z", text("start")) } else { text("utc") };
        Self {
            start_ms: parse_rfc3339(&moment).unwrap_or_else(|| panic!("no time: {row}")),
            all_day,
            minutes: length_minutes(&text("duration")),
            title: text("title"),
            location: text("location"),
            description: text("description"),
            participants: row["participants"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        }
    }
}
