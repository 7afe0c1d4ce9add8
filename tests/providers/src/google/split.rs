//! "This and following" as Google's own pages do it: the series ends before an instance, a second one goes on from it.
//! Invariant: both series together have the starts that the one had; exceptions behind the split are lost.

use serde_json::{Value, json};

use super::Google;
use super::error::ApiError;
use super::series::{Series, find};
use super::state::text;
use super::time::{When, utc_naive, zone};

/// The rule lines of both halves.
struct Halves {
    first: Vec<String>,
    second: Vec<String>,
}

impl Google {
    /// The owner edits an instance and all that follow: the master gets an UNTIL and a second master, with an id like
    /// `<id>_R20260310T100000`, starts at the instance with `patch` on it. Answers the second master.
    ///
    /// # Errors
    /// `notFound` for anything but an instance that the rules of a live series give, behind its first one; `duplicate` when the
    /// series was split there before; 501 for rules that are not expanded. Nothing is changed then.
    pub fn user_split(&self, calendar: &str, instance_id: &str, patch: &Value) -> Result<Value, ApiError> {
        let (master_id, first_lines, second) = {
            let state = self.lock();
            let known = state.calendars.get(calendar).ok_or_else(ApiError::not_found)?;
            let instance = find(known, instance_id)?;
            let master_id = text(&instance, "recurringEventId").to_owned();
            let master =
                known.rows.get(&master_id).filter(|row| !row.is_cancelled()).ok_or_else(ApiError::not_found)?;
            let series = Series::read(&master.body, &known.time_zone)?.ok_or_else(ApiError::not_found)?;
            let original = When::stored(&instance, "originalStartTime").ok_or_else(ApiError::not_found)?;
            let at = original.utc(&known.time_zone);
            let before = series.generated_before(at);
            if before == 0 || before == series.generated_before(at + 1) {
                return Err(ApiError::not_found());
            }
            let lines: Vec<&str> = master
                .body
                .get("recurrence")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let halves = split_lines(&lines, &original, before as u64);
            let mut second = Value::Object(series.instance(&original));
            if let Some(map) = second.as_object_mut() {
                for key in
                    ["recurringEventId", "originalStartTime", "iCalUID", "etag", "created", "updated", "sequence"]
                {
                    map.remove(key);
                }
                let id = format!("{master_id}_R{}", local_suffix(&original, &known.time_zone));
                if known.rows.contains_key(&id) {
                    return Err(ApiError::duplicate());
                }
                map.insert("id".to_owned(), json!(id));
                map.insert("recurrence".to_owned(), json!(halves.second));
            }
            (master_id, halves.first, second)
        };
        self.user_patch(calendar, &master_id, &json!({ "recurrence": first_lines }))?;
        let made = self.user_insert(calendar, &second)?;
        let id = made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.user_patch(calendar, &id, patch)
    }
}

fn local_suffix(original: &When, calendar_zone: &str) -> String {
    match original {
        When::Day(day) => day.format("%Y%m%d").to_string(),
        When::Moment(at, name) => {
            let found = zone(name.as_deref().unwrap_or(calendar_zone)).unwrap_or(jiff::tz::TimeZone::UTC);
            super::time::to_civil(&found, *at).format("%Y%m%dT%H%M%S").to_string()
        }
    }
}

fn split_lines(lines: &[&str], original: &When, before: u64) -> Halves {
    let until = match original {
        When::Day(day) => day.pred_opt().unwrap_or(*day).format("%Y%m%d").to_string(),
        When::Moment(at, _) => utc_naive(at - 1).format("%Y%m%dT%H%M%SZ").to_string(),
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for line in lines {
        let Some(rule) = line.strip_prefix("RRULE:") else {
            // Listed dates stay with both; those on the other side have no effect there.
            first.push((*line).to_owned());
            if line.starts_with("EXDATE") {
                second.push((*line).to_owned());
            }
            continue;
        };
        let parts: Vec<&str> = rule.split(';').collect();
        let mut ended: Vec<String> = Vec::new();
        let mut going_on: Vec<String> = Vec::new();
        for part in parts {
            match part.split_once('=') {
                Some(("COUNT", count)) => {
                    let left = count.parse::<u64>().unwrap_or(1).saturating_sub(before).max(1);
                    going_on.push(format!("COUNT={left}"));
                }
                Some(("UNTIL", _)) => going_on.push(part.to_owned()),
                _ => {
                    ended.push(part.to_owned());
                    going_on.push(part.to_owned());
                }
            }
        }
        ended.push(format!("UNTIL={until}"));
        first.push(format!("RRULE:{}", ended.join(";")));
        second.push(format!("RRULE:{}", going_on.join(";")));
    }
    Halves { first, second }
}
