//! "This and following" as Outlook does it: the series ends the day before an occurrence, a second one goes on.
//! Invariant: both series together have the starts that the one had.

use serde_json::{Value, json};

use super::Microsoft;
use super::error::ApiError;
use super::rule::Until;
use super::series::{self, Target};
use super::state::Series;
use super::view::View;
use super::write;

/// Members that a new event cannot be made with.
const OWN: [&str; 13] = [
    "id",
    "@odata.etag",
    "changeKey",
    "createdDateTime",
    "lastModifiedDateTime",
    "iCalUId",
    "type",
    "seriesMasterId",
    "webLink",
    "transactionId",
    "isOrganizer",
    "bodyPreview",
    "originalStart",
];

impl Microsoft {
    /// The owner edits an occurrence and all that follow: the master ends on the day before, and a second master
    /// starts at the occurrence with `patch` on it. Answers the second master.
    ///
    /// # Errors
    /// `ErrorItemNotFound` for anything but an occurrence behind the first one.
    pub fn user_split(&self, calendar: &str, occurrence_id: &str, patch: &Value) -> Result<Value, ApiError> {
        let state = &mut *self.lock();
        let (target, writer) = Self::user_target(state, calendar, occurrence_id)?;
        let at = target.original_ms.ok_or_else(ApiError::item_not_found)?;
        let known = state.calendars.get(&target.calendar).ok_or_else(ApiError::item_not_found)?;
        let item = series::live(known, &target.core)?;
        let old = item.series.clone().ok_or_else(ApiError::item_not_found)?;
        let before = series::originals(item, state.config.short_month, at, series::MAX_OCCURRENCES).len();
        let day = item.span.start.moved(at).civil().date();
        let last = day.pred_opt().filter(|_| before > 0).ok_or_else(ApiError::item_not_found)?;

        let mut second = View::of_god(&writer.account).event(item, None, &state.config);
        let span = item.span.starting(at);
        let mut rule = old.rule.clone();
        rule.start = day;
        if let Until::Count(count) = rule.until {
            rule.until = Until::Count(count.saturating_sub(u32::try_from(before).unwrap_or(u32::MAX)).max(1));
        }
        let mut first = item.clone();
        let mut kept = Series { rule: old.rule, ..old };
        kept.rule.until = Until::Date(last);
        kept.exceptions.retain(|original, _| *original < at);
        kept.cancelled.retain(|original| *original < at);
        first.series = Some(kept);
        first.change = state.next_change();
        first.stamp_ms = state.now_ms;
        state.put(&target.calendar, first);
        super::watch::changed(state, &Target { original_ms: None, ..target.clone() }, "updated");

        if let Some(map) = second.as_object_mut() {
            map.retain(|key, _| !OWN.contains(&key.as_str()));
            map.insert("start".to_owned(), span.start.write(&span.start.zone));
            map.insert("end".to_owned(), span.end.write(&span.end.zone));
            let mut recurrence = rule.write(&state.config);
            if let Some(pattern) = recurrence.get_mut("pattern").and_then(Value::as_object_mut) {
                strip(pattern);
            }
            map.insert("recurrence".to_owned(), recurrence);
            map.extend(patch.as_object().cloned().unwrap_or_default());
        }
        let (_, made) = write::create(state, &target.calendar, &second, &writer)?;
        super::truth::shown(state, &made).ok_or_else(ApiError::item_not_found)
    }
}

/// Takes away what the service filled up.
fn strip(pattern: &mut super::state::Object) {
    let kind = super::state::text(pattern, "type").to_owned();
    let used = |key: &str| match key {
        "daysOfWeek" => matches!(kind.as_str(), "weekly" | "relativeMonthly" | "relativeYearly"),
        "firstDayOfWeek" => kind == "weekly",
        "dayOfMonth" => kind.starts_with("absolute"),
        "month" => kind.ends_with("Yearly"),
        "index" => kind.starts_with("relative"),
        _ => true,
    };
    pattern.retain(|key, value| used(key) && value != &json!(null));
}
